import { createEventStore, EventStoreError } from '@tidemark/eventstore'
import pg from 'pg'
import type { Experiment, ExperimentContext } from '../experiment.js'
import { createCountedTable, recordCatchUp, recordCounts, subscribeCounting } from '../workload/counting-subscriber.js'
import { eventMaker } from '../workload/new-events.js'
import { deadline, pause } from '../workload/pause.js'
import { recordedAppend } from '../workload/recorded-append.js'
import { lastPosition, recordLog } from '../workload/record-log.js'
import { runStoreWriter } from '../workload/store-writer.js'

const durations = { short: 8_000, full: 60_000, hunt: 4_000 } as const
const writers = 8
const healWithinMs = 5_000

/** Backends are ended at any moment of an append, a subscription or a listener: nothing is half done, and all of it goes on. */
export const terminatedBackends: Experiment = {
  name: 'terminated-backends',
  group: 'store',
  summary:
    'pg_terminate_backend hits random connections: an append is whole or nothing, the pool heals, the process lives',
  checks: ['I1', 'I2', 'I3', 'I6', 'I10', 'I12', 'requirements'],

  async run(context) {
    const { size, random, database, history, signal } = context
    const pool = database.createPool({ max: 8 })
    const unbroken = new pg.Pool({ connectionString: database.directUrl, max: 1, application_name: 'executioner' })
    await createCountedTable(unbroken)
    const store = createEventStore(pool)
    const subscriber = 'counting'
    subscribeCounting({ store, name: subscriber, leaseMs: 1000, pauseMs: () => random.integer(0, 10) })
    const ends = deadline(durations[size], signal)
    const [killed] = await Promise.all([
      terminateBackends(unbroken, context, ends),
      ...Array.from({ length: writers }, (_, n) =>
        runStoreWriter({
          caller: `writer${n}`,
          store,
          history,
          random: random.fork(),
          longestPauseMs: 100,
          signal: ends,
        }),
      ),
    ])
    history.add({ kind: 'healed', atMs: history.now() })
    history.add({
      kind: 'requirement',
      name: 'terminated backends',
      expected: 'at least 10',
      actual: String(killed),
      met: killed >= 10,
    })
    await requireHealing(context, (streamId, events) =>
      store.appendToStream(streamId, events, { expectedVersion: 'no-stream' }),
    )
    await recordCatchUp(unbroken, history, { name: subscriber, position: await lastPosition(unbroken) })
    await recordCounts(unbroken, history, subscriber)
    await recordLog(unbroken, history)
    await store.close()
    await unbroken.end()
  },
}

/** Ends one backend of this database after the other, never its own; returns how many. */
async function terminateBackends(pool: pg.Pool, { random }: ExperimentContext, signal: AbortSignal): Promise<number> {
  let killed = 0
  while (!signal.aborted) {
    const { rowCount } = await pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
        order by random() limit $1`,
      [random.integer(1, 3)],
    )
    killed += rowCount ?? 0
    await pause(random.integer(30, 200), signal)
  }
  return killed
}

/** Every connection of the pool is used again within a few seconds. */
async function requireHealing(
  { history }: ExperimentContext,
  append: (
    streamId: string,
    events: ReturnType<ReturnType<typeof eventMaker>>,
  ) => ReturnType<ReturnType<typeof createEventStore>['appendToStream']>,
): Promise<void> {
  const make = eventMaker('healing')
  const startedMs = history.now()
  const outcomes = await Promise.all(
    Array.from({ length: 100 }, (_, n) => {
      const events = make(1)
      const streamId = `healed-${n}`
      const intent = { caller: 'healing', streamId, expectedVersion: 'no-stream', events }
      return recordedAppend(history, intent, () => append(streamId, events))
    }),
  )
  const failed = outcomes.filter((outcome) => outcome instanceof EventStoreError).length
  const tookMs = Math.round(history.now() - startedMs)
  history.add({
    kind: 'requirement',
    name: 'appends after the last termination',
    expected: `100 stored within ${healWithinMs} ms`,
    actual: `${100 - failed} stored within ${tookMs} ms`,
    met: failed === 0 && tookMs <= healWithinMs,
  })
}
