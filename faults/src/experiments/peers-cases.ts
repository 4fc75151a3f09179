import {
  createEventStore,
  defineAggregate,
  event,
  VersionConflictError,
  type EventStore,
  type RecordedEvent,
} from '@tidemark/eventstore'
import type pg from 'pg'
import { z } from 'zod'
import type { Experiment } from '../experiment.js'
import type { HistoryWriter } from '../history/history-writer.js'
import { demand } from '../workload/demand.js'
import { pause } from '../workload/pause.js'
import { recordLog } from '../workload/record-log.js'

const Tally = defineAggregate({
  name: 'tally',
  initialState: () => ({ value: 0 }),
  events: { Counted: event(z.object({ by: z.number() })) },
  evolve: { Counted: (state, { data }) => ({ value: state.value + data.by }) },
  commands: (command) => ({
    count: command(z.object({ by: z.number() }), (_state, data) => ({ type: 'Counted', data })),
  }),
})
const happened = { type: 'Happened', data: {} } as const
/** Past what a double holds exactly, and far past 32 bits. */
const firstPosition = 2n ** 53n + 1n
const fillerEvents = 100_000

/** What other event stores were found wrong in, on the side of the store; all of it at positions past 2^53. */
export const peersCases: Experiment = {
  name: 'peers-cases',
  group: 'store',
  summary: 'the cases that other event stores were found wrong in: lost, doubled, late or overflowing events',
  checks: ['I3', 'I5', 'requirements'],

  async run({ database, history, mutant }) {
    const pool = database.createPool({ max: 16 })
    await pool.query(`alter table tidemark.events alter column position restart with ${firstPosition}`)
    const store = createEventStore(mutant?.wrapPool?.(pool) ?? pool)
    await followManyAppenders(store, history)
    await createAtOnce(store, history)
    await raceAtAnyVersion(store, history)
    await appendSteadily(store, history)
    await subscribeLate(store, history)
    await contendForOneStream(store, history)
    await findRareEvents(store, pool, history)
    await recordLog(pool, history)
    await store.close()
  },
}

/** A consumer follows 32 concurrent appenders: a peer lost 12 to 23 % for ever. */
async function followManyAppenders(store: EventStore, history: HistoryWriter): Promise<void> {
  const follower = follow(store, 'follower', {})
  const appended = new Set<string>()
  const append = async (caller: number) => {
    for (let n = 0; n < 60; n++) {
      const { events } = await store.appendToStream(`many-${caller}`, [happened, happened], { expectedVersion: 'any' })
      for (const { id } of events) appended.add(id)
    }
  }
  await Promise.all(Array.from({ length: 32 }, (_, caller) => append(caller)))
  await until(() => follower.seen.length >= appended.size)
  const missing = [...appended].filter((id) => !follower.seen.some((seen) => seen.id === id)).length
  demand(history, 'events that a follower of 32 appenders missed', '0', missing, missing === 0)
  const lowest = follower.seen[0]?.position ?? 0n
  demand(history, 'the first position', `at least ${firstPosition}`, String(lowest), lowest >= firstPosition)
  await follower.stop()
}

/** Two "must not exist" at once: a peer accepted both. */
async function createAtOnce(store: EventStore, history: HistoryWriter): Promise<void> {
  const pairs = await Promise.all(
    Array.from({ length: 200 }, (_, n) =>
      Promise.allSettled(
        [0, 1].map(() => store.appendToStream(`twice-${n}`, [happened], { expectedVersion: 'no-stream' })),
      ),
    ),
  )
  const right = pairs.filter((outcomes) => {
    const refused = outcomes.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[]
    return refused.length === 1 && refused[0]?.reason instanceof VersionConflictError
  }).length
  demand(history, 'pairs with one winner and one typed conflict', '200 of 200', right, right === 200)
}

/** Twenty racing appends at any version: a peer reported ten as stored that were lost. */
async function raceAtAnyVersion(store: EventStore, history: HistoryWriter): Promise<void> {
  await Promise.all(
    Array.from({ length: 20 }, () => store.appendToStream('any-race', [happened], { expectedVersion: 'any' })),
  )
  const stored = (await store.readStream('any-race')).length
  demand(history, 'events of 20 racing appends', '20', stored, stored === 20)
}

/** Appends less than 10 ms apart: a debounce without a maximum starved a peer's subscribers for seconds. */
async function appendSteadily(store: EventStore, history: HistoryWriter): Promise<void> {
  const sentAt = new Map<string, number>()
  const times: number[] = []
  const follower = follow(store, 'steady', { categories: ['steady'] }, ({ id }) => {
    const at = sentAt.get(id)
    if (at !== undefined) times.push(performance.now() - at)
  })
  await pause(500)
  for (let n = 0; n < 500; n++) {
    const id = crypto.randomUUID()
    sentAt.set(id, performance.now())
    await store.appendToStream('steady-1', [{ ...happened, id }], { expectedVersion: 'any' })
    await pause(5)
  }
  await until(() => times.length === sentAt.size)
  await follower.stop()
  const p99 = times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? Number.NaN
  demand(history, 'p99 to a subscriber under steady appends', 'at most 100 ms', `${p99.toFixed(1)} ms`, p99 <= 100)
}

/** A subscription is added to a log that is there already, and nobody appends: a peer's stayed empty until the next event. */
async function subscribeLate(store: EventStore, history: HistoryWriter): Promise<void> {
  const there = (await store.head()).position
  const startedAt = performance.now()
  const follower = follow(store, 'late', {})
  await until(() => (follower.seen.at(-1)?.position ?? 0n) >= there)
  const took = performance.now() - startedAt
  demand(
    history,
    'time until a late subscription had the log',
    'at most 3000 ms',
    `${took.toFixed(0)} ms`,
    took <= 3000,
  )
  await follower.stop()
}

/** 32 writers on one stream: where each conflict replays the whole stream, 33 commits a second were left. */
async function contendForOneStream(store: EventStore, history: HistoryWriter): Promise<void> {
  const long = Array.from({ length: 1000 }, () => ({ type: 'Counted', data: { by: 1 } }) as const)
  await store.append(Tally, 'hot', long, { expectedVersion: 'no-stream' })
  const startedAt = performance.now()
  const commands = 32 * 8
  await Promise.all(
    Array.from({ length: 32 }, async () => {
      for (let n = 0; n < commands / 32; n++) await store.execute(Tally, 'hot', 'count', { by: 1 })
    }),
  )
  const rate = commands / ((performance.now() - startedAt) / 1000)
  const { state } = await store.load(Tally, 'hot')
  demand(history, 'the sum after 256 contended commands', String(1000 + commands), state.value, state.value === 1256)
  demand(history, 'contended commands per second on a stream of 1,000', 'at least 40', rate.toFixed(0), rate >= 40)
}

/** A rare event type in a large log: a peer's rebuild timed out. */
async function findRareEvents(store: EventStore, pool: pg.Pool, history: HistoryWriter): Promise<void> {
  await pool.query(
    `insert into tidemark.events (stream_id, version, id, type, schema_version, data, metadata)
     select 'filler-' || n, 1, gen_random_uuid(), case when n in (7, $1::int - 7) then 'Rare' else 'Filler' end, 1, '{}', '{}'
       from generate_series(1, $1::int) n`,
    [fillerEvents],
  )
  await pool.query('vacuum analyze tidemark.events')
  const { rows } = await pool.query<{ 'QUERY PLAN': string }>(
    `explain select * from tidemark.events where (type, position) > ('Rare', 0) and (type, position) <= ('Rare', ${2n ** 62n})
      order by type, position limit 100`,
  )
  const plan = rows.map((row) => row['QUERY PLAN']).join(' ')
  demand(
    history,
    'the plan for a rare type',
    'events_type_position_idx',
    plan,
    plan.includes('events_type_position_idx'),
  )
  const startedAt = performance.now()
  const follower = follow(store, 'rare', { types: ['Rare'] })
  await until(() => follower.seen.length >= 2)
  const took = performance.now() - startedAt
  demand(history, 'rare events found', '2', follower.seen.length, follower.seen.length === 2)
  demand(history, 'time until they were', 'at most 2000 ms', `${took.toFixed(0)} ms`, took <= 2000)
  await follower.stop()
}

/** Subscribes, and keeps what it sees. */
function follow(
  store: EventStore,
  name: string,
  filter: { readonly types?: readonly string[]; readonly categories?: readonly string[] },
  onEvent: (event: RecordedEvent) => void = () => undefined,
): { readonly seen: RecordedEvent[]; stop(): Promise<void> } {
  const seen: RecordedEvent[] = []
  const subscription = store.subscribe({
    name,
    filter,
    handle: async ({ events, to, checkpoint }) => {
      await checkpoint.advance(store.pool, to)
      seen.push(...events)
      for (const each of events) onEvent(each)
    },
  })
  return { seen, stop: () => subscription.stop() }
}

async function until(condition: () => boolean): Promise<void> {
  const endsAt = performance.now() + 15_000
  while (!condition() && performance.now() < endsAt) await pause(5)
}
