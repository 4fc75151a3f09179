/** How long to wait before the next try. */
export interface Backoff {
  readonly initialDelayMs: number
  readonly maxDelayMs: number
}

/**
 * The pause after the n-th failure: doubled each time up to the maximum, of which the second half is random.
 *
 * The random half keeps consumers that failed together from coming back together.
 */
export function backoffMs({ initialDelayMs, maxDelayMs }: Backoff, failures: number, random = Math.random): number {
  const full = Math.min(maxDelayMs, initialDelayMs * 2 ** Math.min(failures - 1, 30))
  return Math.round(full / 2 + (full / 2) * random())
}
