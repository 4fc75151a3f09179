import { runLedgerWriters, type LedgerWriterOptions } from './ledger-writer.js'
import { runStoreWriter } from './store-writer.js'

/** How much is appended meanwhile. */
export interface BridgeLoad {
  /** Writers of many accounts each; 6 unless said. */
  readonly accountWriters?: number
  /** Writers of few streams, which use transactions, and roll some back; 2 unless said. */
  readonly streamWriters?: number
  /** Between two appends of an account writer, at most; 60 ms unless said. */
  readonly longestPauseMs?: number
  /** How much a deposit says besides, in bytes. */
  readonly noteBytes?: number
}

/** Appends until the signal: 8 writers, over 150 streams at a time, about 300 appends a second, a fifth of them with several events. */
export async function runBridgeLoad(
  options: Pick<LedgerWriterOptions, 'store' | 'history' | 'random' | 'signal'>,
  { accountWriters = 6, streamWriters = 2, longestPauseMs = 60, noteBytes = 0 }: BridgeLoad = {},
): Promise<void> {
  const { random, ...common } = options
  await Promise.all([
    runLedgerWriters(accountWriters, { ...common, random: random.fork(), longestPauseMs, noteBytes }),
    ...Array.from({ length: streamWriters }, (_, n) =>
      runStoreWriter({ ...common, caller: `stream${n}`, random: random.fork(), longestPauseMs: 50 }),
    ),
  ])
}
