import { createEventStore, type EventStore } from '@tidemark/eventstore'
import pg from 'pg'
import type { Experiment, ExperimentContext } from '../experiment.js'
import { eventMaker } from '../workload/new-events.js'
import { pause } from '../workload/pause.js'
import { recordedAppend } from '../workload/recorded-append.js'
import { recordLog } from '../workload/record-log.js'

const rounds = { short: 3, full: 20, hunt: 1 } as const
const heldMs = 5000
const callers = 32
const longestP99Ms = 100

/** A stranger's transaction sits on one stream for five seconds, while calls for it and for others travel in the same groups. */
export const strangersInTheGroup: Experiment = {
  name: 'strangers-in-the-group',
  group: 'store',
  summary:
    "a stranger's open transaction holds one stream for 5 s: the p99 of the others stays under 100 ms, nobody deadlocks",
  checks: ['I1', 'I2', 'I3', 'requirements'],

  async run(context) {
    const { size, database, history, mutant, signal } = context
    const stores = [0, 1].map(() => {
      const pool = database.createPool({ max: 8 })
      return createEventStore(mutant?.wrapPool?.(pool) ?? pool, { listen: false })
    })
    const stranger = new pg.Client({ connectionString: database.directUrl })
    await stranger.connect()
    // Sooner than a group gives up its wait, or its short wait would end every deadlock before Postgres has counted it.
    await stranger.query(
      `do $$ begin execute format('alter database %I set deadlock_timeout = ''10ms''', current_database()); end $$`,
    )
    // The first statements of a connection are slower: plans, caches.
    await Promise.all(stores.map((store) => load(context, store, 'warm-up', 300, undefined)))
    for (let round = 0; round < rounds[size] && !signal.aborted; round++) {
      const held = `held-${round}`
      await stranger.query('begin')
      await stranger.query(
        `insert into tidemark.events (stream_id, version, id, type, schema_version, data, metadata)
         values ($1, 1, gen_random_uuid(), 'Strange', 1, '{}', '{}')`,
        [held],
      )
      // By the clock: what wrongly waits for the stranger would otherwise never be let go.
      const released = pause(heldMs, signal).then(() => stranger.query('rollback'))
      const times = await Promise.all(stores.map((store) => load(context, store, `round${round}`, heldMs, held)))
      await released
      const sorted = times.flat().toSorted((a, b) => a - b)
      const p99 = sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN
      history.add({
        kind: 'requirement',
        name: `p99 of ${sorted.length} appends to other streams in round ${round}`,
        expected: `below ${longestP99Ms} ms`,
        actual: `${p99.toFixed(1)} ms`,
        met: p99 < longestP99Ms,
      })
    }
    const { rows } = await stranger.query<{ deadlocks: string }>(
      'select deadlocks::text from pg_stat_database where datname = current_database()',
    )
    const deadlocks = rows[0]?.deadlocks ?? '?'
    history.add({ kind: 'requirement', name: 'deadlocks', expected: '0', actual: deadlocks, met: deadlocks === '0' })
    await Promise.all(stores.map((store) => store.close()))
    const pool = database.createPool({ max: 1 })
    await recordLog(pool, history)
    await stranger.end()
  },
}

let loads = 0

/**
 * Appends to streams that both stores share, in whatever order the callers come, and to the one that is held; returns how long the others took.
 *
 * The calls for the held stream are stored once the stranger has gone, so the round waits for them after it.
 */
async function load(
  { history, random, signal }: ExperimentContext,
  store: EventStore,
  name: string,
  milliseconds: number,
  held: string | undefined,
): Promise<number[]> {
  const times: number[] = []
  const source = `${name}-${loads++}`
  const make = eventMaker(source)
  const append = async (caller: string, streamId: string) => {
    const events = make(1)
    const intent = { caller, streamId, expectedVersion: 'any', events }
    return recordedAppend(history, intent, () => store.appendToStream(streamId, events, { expectedVersion: 'any' }))
  }
  if (held !== undefined) for (let n = 0; n < 4; n++) void append(`${source} waits`, held)
  const endsAt = performance.now() + milliseconds
  const call = async (caller: number) => {
    while (performance.now() < endsAt && !signal.aborted) {
      const startedAt = performance.now()
      await append(`${source} ${caller}`, `shared-${random.integer(0, 100)}`)
      times.push(performance.now() - startedAt)
      await pause(random.integer(0, 10))
    }
  }
  await Promise.all(Array.from({ length: callers }, (_, caller) => call(caller)))
  return times
}
