import { randomUUID } from 'node:crypto'
import { EventStoreError, type EventStore } from '@tidemark/eventstore'
import type pg from 'pg'
import type { HistoryWriter } from '../history/history-writer.js'
import type { Random } from '../random.js'
import { pause } from './pause.js'
import { recordedAppend } from './recorded-append.js'

/** A caller that opens accounts, pays into them, and closes some. */
export interface LedgerWriterOptions {
  readonly caller: string
  readonly store: EventStore
  readonly history: HistoryWriter
  readonly random: Random
  readonly signal: AbortSignal
  /** Between two appends, at most. */
  readonly longestPauseMs?: number
  /** Whether accounts are closed, so that rows go away; true unless said. */
  readonly closes?: boolean
  /** How much a deposit says besides, in bytes. */
  readonly noteBytes?: number
}

const owners = 20
const accountsEach = 25

/** Appends through the store until the signal; each account has one writer, and errors of the store are outcomes. */
export async function runLedgerWriter(options: LedgerWriterOptions): Promise<void> {
  const { caller, store, history, random, signal, longestPauseMs = 20, closes = true, noteBytes = 0 } = options
  const note = noteBytes > 0 ? { note: 'x'.repeat(noteBytes) } : {}
  const deposit = () => ({
    ...{ id: randomUUID(), type: 'Deposited' },
    data: { owner: `o-${random.integer(1, owners)}`, amount: random.integer(1, 500), ...note },
  })
  const accounts = Array.from({ length: accountsEach }, (_, n) => ({ number: n, version: 0n, life: 0 }))
  while (!signal.aborted) {
    const account = accounts[random.integer(0, accountsEach - 1)]
    if (!account) continue
    const streamId = `account-${caller}.${account.number}.${account.life}`
    const opened = { id: randomUUID(), type: 'Opened', data: { owner: `o-${random.integer(1, owners)}` } }
    const deposits = Array.from({ length: random.chance(0.2) ? random.integer(2, 20) : 1 }, deposit)
    const closing = closes && account.version > 0n && random.chance(0.05)
    const events = [
      ...(account.version === 0n ? [opened] : []),
      ...deposits,
      ...(closing ? [{ id: randomUUID(), type: 'Closed', data: {} }] : []),
    ]
    const intent = { caller, streamId, expectedVersion: String(account.version), events }
    const result = await recordedAppend(history, intent, () =>
      store.appendToStream(streamId, events, { expectedVersion: account.version }),
    )
    // What became of it need not be known: another account takes its place.
    if (result instanceof EventStoreError || closing) Object.assign(account, { version: 0n, life: account.life + 1 })
    else account.version = result.version
    await pause(random.next() * longestPauseMs, signal)
  }
}

/** Lets writers append for a while, or until the signal. */
export async function runLedgerWriters(
  count: number,
  options: Omit<LedgerWriterOptions, 'caller'> & { readonly name?: string },
): Promise<void> {
  const { name = 'writer', random, ...common } = options
  await Promise.all(
    Array.from({ length: count }, (_, n) =>
      runLedgerWriter({ ...common, caller: `${name}${n}`, random: random.fork() }),
    ),
  )
}

/** Appends through the store what a log begins with: about `events` events, in large appends. */
export async function fillLedger(
  { store, history, random }: Pick<LedgerWriterOptions, 'store' | 'history' | 'random'>,
  events: number,
): Promise<void> {
  const perAccount = 50
  for (let n = 0; n < events / perAccount; n++) {
    const streamId = `account-filled.${n}`
    const owner = () => `o-${random.integer(1, owners)}`
    const made = [
      { id: randomUUID(), type: 'Opened', data: { owner: owner() } },
      ...Array.from({ length: perAccount - 1 }, () => ({
        ...{ id: randomUUID(), type: 'Deposited', data: { owner: owner(), amount: random.integer(1, 500) } },
      })),
    ]
    const intent = { caller: 'filler', streamId, expectedVersion: 'no-stream', events: made }
    await recordedAppend(history, intent, () => store.appendToStream(streamId, made, { expectedVersion: 'no-stream' }))
  }
}

/** Fills a log in Postgres, past the store, which takes seconds where the store would take minutes: ten events to an account. */
export async function fillLedgerAtOnce(pool: pg.Pool, events: number): Promise<void> {
  const accounts = Math.ceil(events / 10)
  const perStatement = 10_000
  for (let from = 0; from < accounts; from += perStatement) {
    await pool.query(
      `insert into tidemark.events (stream_id, version, id, type, schema_version, data, metadata)
       select 'account-bulk.' || a, v, gen_random_uuid(), case v when 1 then 'Opened' else 'Deposited' end, 1,
              json_build_object('owner', 'o-' || (a * 7 + v) % 1000, 'amount', (a * 31 + v * 17) % 500), '{}'
         from generate_series(1, 10) v, generate_series($1::int, $2::int) a
        order by v, a`,
      [from + 1, Math.min(from + perStatement, accounts)],
    )
  }
  await pool.query('vacuum analyze tidemark.events')
}
