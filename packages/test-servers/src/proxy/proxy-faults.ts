/** Which way bytes go: `up` from the client to the target, `down` from the target to the client. */
export type Direction = 'up' | 'down'

/** What a rule sees of a connection's bytes. */
export interface SeenBytes {
  readonly connectionId: number
  readonly direction: Direction
  /** The bytes that are about to be passed on, after up to 4 KiB that were passed on before, so that no match is cut. */
  readonly bytes: Buffer
  /** How many of them are new. */
  readonly newBytes: number
}

/** A fault that waits for certain bytes. */
export interface DropRule {
  readonly direction: Direction
  /** The bytes to wait for, or a question asked of every chunk. */
  readonly when: string | Buffer | ((seen: SeenBytes) => boolean)
  /** How many matches to let pass first; default 0. */
  readonly after?: number
  /** How often the fault happens before the rule is removed; default 1. */
  readonly times?: number
  /**
   * `cut` (default) drops the chunk and resets both sides; `black-hole` drops it and everything after it, leaving the
   * connection open.
   */
  readonly then?: 'cut' | 'black-hole'
}

/** What happens to bytes from now on; it applies to connections that are already open, too. */
export interface ProxyFaults {
  /** Each direction holds every chunk (up to 64 KiB) for so long, one at a time, so order is kept. */
  latencyMs?: number
  /** The most that one connection carries in each direction. */
  bytesPerSecond?: number
}

/** Is the rule met by these bytes? A pattern must end in the new ones, or it would be met again by the same match. */
export function isMet(rule: DropRule, seen: SeenBytes): boolean {
  if (rule.direction !== seen.direction) return false
  if (typeof rule.when === 'function') return rule.when(seen)
  const pattern = typeof rule.when === 'string' ? Buffer.from(rule.when, 'latin1') : rule.when
  const old = seen.bytes.length - seen.newBytes
  return seen.bytes.indexOf(pattern, Math.max(0, old - pattern.length + 1)) >= 0
}
