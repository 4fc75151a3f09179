import { randomUUID } from 'node:crypto'
import { createEventStore, EventStoreError, inTransaction, type EventStore } from '@tidemark/eventstore'
import { createFaultProxy, type FaultProxy } from '@tidemark/test-servers'
import type { Experiment, ExperimentContext } from '../experiment.js'
import type { HistoryWriter } from '../history/history-writer.js'
import type { Random } from '../random.js'
import { eventMaker } from '../workload/new-events.js'
import { pause } from '../workload/pause.js'
import { recordedAppend } from '../workload/recorded-append.js'
import { recordLog } from '../workload/record-log.js'

const drops = { short: 150, full: 1000, hunt: 50 } as const
const callers = 8
const mostTries = 100

/** The append happened, its answer is lost: the store, or the caller with the same ids, must find out and do nothing twice. */
export const droppedCommitReplies: Experiment = {
  name: 'dropped-commit-replies',
  group: 'store',
  summary: 'the reply to a committed append is dropped and the connection cut: no duplicates, no false conflicts',
  checks: ['I1', 'I2', 'I3', 'I9', 'I10', 'requirements'],

  async run(context) {
    const { size, random, database, history, signal } = context
    const { hostname, port } = new URL(database.directUrl)
    const proxy = await createFaultProxy({ target: { host: hostname, port: Number(port || 5432) } })
    try {
      const dropped = dropReplies(proxy, drops[size], random.fork())
      const url = new URL(database.directUrl)
      url.hostname = proxy.host
      url.port = String(proxy.port)
      const pool = database.createPool({ connectionString: url.href, max: 6 })
      const store = createEventStore(pool, { listen: false, retryForMs: 30_000 })
      const done = () => dropped() >= drops[size] || signal.aborted
      const falseConflicts = await Promise.all(
        Array.from({ length: callers }, (_, n) =>
          n < 6
            ? appendUntil(done, `caller${n}`, store, context, random.fork())
            : appendInTransactionsUntil(done, `owner${n}`, store, context),
        ),
      )
      requireCount(history, 'dropped replies', drops[size], dropped())
      requireCount(
        history,
        'refused appends',
        0,
        falseConflicts.reduce((sum, count) => sum + count, 0),
      )
      proxy.heal()
      await recordLog(database.createPool({ max: 1 }), history)
      await store.close()
    } finally {
      await proxy.close()
    }
  },
}

function requireCount(history: HistoryWriter, name: string, expected: number, actual: number): void {
  history.add({
    kind: 'requirement',
    name,
    expected: String(expected),
    actual: String(actual),
    met: actual === expected,
  })
}

/**
 * Drops some replies to an insert outside a transaction, and to COMMIT; returns how many it has dropped.
 *
 * The insert commits by itself before its reply leaves: Postgres sends it together with ReadyForQuery.
 */
function dropReplies(proxy: FaultProxy, most: number, random: Random): () => number {
  let count = 0
  const inserting = new Set<number>()
  proxy.dropWhen({
    direction: 'up',
    times: Infinity,
    when({ connectionId, bytes, newBytes }) {
      const sent = bytes.subarray(-newBytes)
      // Bind names the prepared statement; Parse does so too, in the same chunk.
      if (sent.includes('tidemark/insert-event')) inserting.add(connectionId)
      return false
    },
  })
  proxy.dropWhen({
    direction: 'down',
    times: Infinity,
    when({ connectionId, bytes, newBytes }) {
      const received = bytes.subarray(-newBytes)
      const idle = received.includes('Z\0\0\0\x05I')
      if (!idle || count >= most) return false
      const stored = inserting.delete(connectionId) && received.includes('SELECT 1\0')
      if (!(stored || received.includes('COMMIT\0')) || !random.chance(0.5)) return false
      count++
      return true
    },
  })
  return () => count
}

/** One append after the other on a stream of one's own, where nobody else can cause a conflict; returns how many were refused. */
async function appendUntil(
  done: () => boolean,
  caller: string,
  store: EventStore,
  { history }: ExperimentContext,
  random: Random,
): Promise<number> {
  const make = eventMaker(caller)
  const streamId = `dropped-${caller}`
  let version = 0n
  let refused = 0
  while (!done()) {
    const events = make(random.chance(0.3) ? random.integer(2, 10) : 1)
    const intent = { caller, streamId, expectedVersion: String(version), events }
    const result = await recordedAppend(history, intent, () =>
      store.appendToStream(streamId, events, { expectedVersion: version }),
    )
    if (result instanceof EventStoreError) {
      refused++
      await pause(20)
    } else version = result.version
  }
  return refused
}

/** The caller owns the transaction, so after a lost COMMIT it runs it again, with the same ids. */
async function appendInTransactionsUntil(
  done: () => boolean,
  caller: string,
  store: EventStore,
  { history }: ExperimentContext,
): Promise<number> {
  const make = eventMaker(caller)
  const streamId = `dropped-${caller}`
  let version = 0n
  let refused = 0
  while (!done()) {
    const events = make(3)
    const intent = { caller, streamId, expectedVersion: String(version), events, batch: randomUUID() }
    const attempt = () =>
      inTransaction(store.pool, (transaction) =>
        store.appendToStream(streamId, events, { expectedVersion: version, transaction }),
      )
    const result = await recordedAppend(history, intent, async () => {
      for (let tries = 1; ; tries++) {
        try {
          return await attempt()
        } catch (error) {
          const lost = !(error instanceof EventStoreError) || (error.retryable && error.code === 'EVENTSTORE_DATABASE')
          if (!lost || tries >= mostTries) throw error
          await pause(10)
        }
      }
    })
    if (result instanceof EventStoreError) refused++
    else version = result.version
  }
  return refused
}
