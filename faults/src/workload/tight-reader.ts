import type { LogReader } from '../experiment.js'
import type { HistoryWriter } from '../history/history-writer.js'
import { pause } from './pause.js'

/** A reader that keeps as close to the head as it can. */
export interface TightReaderOptions {
  readonly subscriber: string
  readonly log: LogReader
  readonly history: HistoryWriter
  /** How many events it takes at once. */
  readonly limit: number
  /** Once aborted, the reader goes on to `last` and ends. */
  readonly signal: AbortSignal
  /** The last position of the log; asked after the load has ended. */
  readonly last: () => Promise<bigint>
  /** How long it may take for the rest, in ms. */
  readonly drainMs?: number
}

/** Follows the log, and takes down all it sees. */
export async function runTightReader(options: TightReaderOptions): Promise<void> {
  const { subscriber, log, history, limit, signal, last, drainMs = 30_000 } = options
  let after = 0n
  let target: bigint | undefined
  let giveUpAt = Infinity
  for (;;) {
    if (target === undefined && signal.aborted) {
      target = await last()
      giveUpAt = performance.now() + drainMs
    }
    const { events, through } = await log.read({ after, limit })
    if (through > after) {
      const seen = events.map(({ position, id }) => [String(position), id] as const)
      history.add({ kind: 'read', subscriber, atMs: history.now(), through: String(through), events: seen })
      after = through
    }
    if (target !== undefined && after >= target) {
      history.add({ kind: 'caught-up', subscriber, atMs: history.now() })
      return
    }
    if (performance.now() > giveUpAt) {
      history.add({ kind: 'caught-up', subscriber })
      return
    }
    if (events.length === 0) await pause(1)
  }
}
