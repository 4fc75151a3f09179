import { randomUUID } from 'node:crypto'
import {
  createEventStore,
  DatabaseError,
  EventStoreError,
  type AppendResult,
  type EventStore,
} from '@tidemark/eventstore'
import { migrate } from '@tidemark/migrations'
import { startEmbeddedPostgres } from '@tidemark/test-servers'
import pg from 'pg'
import type { Experiment, ExperimentContext } from '../experiment.js'
import { FaultLabError } from '../fault-lab-error.js'
import { createCountedTable, recordCatchUp, recordCounts, subscribeCounting } from '../workload/counting-subscriber.js'
import { deadline, pause } from '../workload/pause.js'
import { recordedAppend } from '../workload/recorded-append.js'
import { lastPosition, recordLog } from '../workload/record-log.js'
import { createSmallDisk, type SmallDisk } from '../workload/small-disk.js'

const mebibyte = 1024 * 1024
const rounds = { short: 2, full: 5, hunt: 1 } as const
const diskMebibytes = { short: 64, full: 512, hunt: 64 } as const
const leftMebibytes = 4
const callers = 8
const staysFullForMs = 500
const longestFillMs = 30_000
const healWithinMs = 5_000

/**
 * The events are on a disk that fills up, on a server of the experiment's own.
 *
 * The write-ahead log is elsewhere: without room for it Postgres stops as a whole, which is another fault.
 */
export const fullDisk: Experiment = {
  name: 'full-disk',
  group: 'store',
  summary: 'the disk of the events is full: appends fail with a retryable error, and go on unaided once there is room',
  checks: ['I1', 'I2', 'I3', 'I6', 'I12', 'requirements'],

  async run(context) {
    const { size, history, signal } = context
    const server = await startEmbeddedPostgres()
    const pool = new pg.Pool({ connectionString: server.directUrl, max: callers })
    const connectionsEnd: Promise<unknown>[] = []
    pool.on('connect', (client) => connectionsEnd.push(new Promise((resolve) => client.once('end', resolve))))
    let disk: SmallDisk | undefined
    try {
      await migrate(server.directUrl)
      if (server.pid === undefined) throw new FaultLabError('the server of the experiment is down')
      disk = await createSmallDisk({ sizeBytes: diskMebibytes[size] * mebibyte, serverPid: server.pid })
      await pool.query(`create tablespace small location '${disk.folder}'`)
      await pool.query('alter table tidemark.events set tablespace small')
      await createCountedTable(pool)
      const store = createEventStore(pool, { listen: false, retryForMs: 500 })
      subscribeCounting({ store, name: 'counting', leaseMs: 1000, pauseMs: () => 0 })
      for (let round = 0; round < rounds[size] && !signal.aborted; round++)
        await fillAndHeal(context, store, disk, round)
      history.add({ kind: 'healed', atMs: history.now() })
      await recordCatchUp(pool, history, { name: 'counting', position: await lastPosition(pool) })
      await recordCounts(pool, history, 'counting')
      await recordLog(pool, history)
      await store.close()
    } finally {
      await pool.end()
      // The pool does not wait for its sockets, and the server would break those that are still closing.
      await Promise.all(connectionsEnd)
      await server.close()
      disk?.close()
    }
  },
}

async function fillAndHeal(
  context: ExperimentContext,
  store: EventStore,
  disk: SmallDisk,
  round: number,
): Promise<void> {
  const { history, signal } = context
  await disk.fill(leftMebibytes * mebibyte)
  const ends = deadline(longestFillMs, signal)
  const failures = await Promise.all(
    Array.from({ length: callers }, (_, n) => appendUntilFull(context, store, `filler${n}-${round}`, ends)),
  )
  const all = failures.flat()
  const asPromised = all.filter(isRetryableFullDisk).length
  history.add({
    kind: 'requirement',
    name: `failures while the disk was full in round ${round}`,
    expected: 'at least one for each caller, all of them 53100 and retryable',
    actual: `${asPromised} of ${all.length}, seen by ${failures.filter(({ length }) => length > 0).length} of ${callers}`,
    met: failures.every(({ length }) => length > 0) && asPromised === all.length,
  })
  await disk.free()
  const startedMs = history.now()
  const outcomes = await Promise.all(
    Array.from({ length: 100 }, (_, n) => append(context, store, `healed${n}-${round}`, 'healing')),
  )
  const failed = outcomes.filter((outcome) => outcome instanceof EventStoreError).length
  const tookMs = Math.round(history.now() - startedMs)
  history.add({
    kind: 'requirement',
    name: `appends once there was room in round ${round}`,
    expected: `100 stored within ${healWithinMs} ms`,
    actual: `${100 - failed} stored within ${tookMs} ms`,
    met: failed === 0 && tookMs <= healWithinMs,
  })
}

/** Appends until the disk is full and for a while after; returns what went wrong. */
async function appendUntilFull(
  context: ExperimentContext,
  store: EventStore,
  streamId: string,
  signal: AbortSignal,
): Promise<EventStoreError[]> {
  const failures: EventStoreError[] = []
  let endsAt = Number.POSITIVE_INFINITY
  while (performance.now() < endsAt && !signal.aborted) {
    const outcome = await append(context, store, streamId, streamId)
    if (!(outcome instanceof EventStoreError)) continue
    if (failures.length === 0) endsAt = performance.now() + staysFullForMs
    failures.push(outcome)
    await pause(20, signal)
  }
  return failures
}

function append(
  { history, mutant }: ExperimentContext,
  store: EventStore,
  streamId: string,
  caller: string,
): Promise<AppendResult | EventStoreError> {
  const event = { id: randomUUID(), type: 'Happened', data: { caller, text: 'x'.repeat(1500) } }
  const send = () => store.appendToStream(streamId, [event], { expectedVersion: 'any' })
  const intent = { caller, streamId, expectedVersion: 'any', events: [event] }
  return recordedAppend(history, intent, () => mutant?.wrapAppend?.(send) ?? send())
}

function isRetryableFullDisk(error: EventStoreError): boolean {
  return error instanceof DatabaseError && error.sqlState === '53100' && error.retryable
}
