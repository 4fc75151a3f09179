import type { RebuildProgress } from '@tidemark/projections'

const exitAfterMs = 10_000

/**
 * What a process does that joins a rebuild for another one: reports to it, and ends with it.
 *
 * Both are nothing where it was started by hand.
 */
export function joining(): {
  readonly report: (progress: RebuildProgress) => void
  /** Aborts once the other process is gone. */
  readonly signal: AbortSignal
} {
  const controller = new AbortController()
  process.once('disconnect', () => {
    controller.abort()
    // What does not let itself be ended is not worth a process that nobody sees.
    setTimeout(() => process.exit(1), exitAfterMs).unref()
  })
  // To listen would keep this process alive after its work.
  process.channel?.unref()
  const report = (progress: RebuildProgress) => {
    // The other process may be gone at any moment, which shows by the end of the channel.
    if (process.connected) process.send?.(progress, undefined, undefined, () => undefined)
  }
  return { report, signal: controller.signal }
}
