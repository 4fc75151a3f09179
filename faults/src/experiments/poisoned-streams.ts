import { createEventStore, type EventStore } from '@tidemark/eventstore'
import type pg from 'pg'
import type { Experiment } from '../experiment.js'
import { demand } from '../workload/demand.js'
import { recordModel, type LedgerEvent } from '../workload/ledger-fold.js'
import { refusedAmount } from '../workload/ledger.js'
import { ProjectionProcesses, type ProcessTask } from '../workload/projection-processes.js'
import { recordProjectionsCatchUp } from '../workload/projection-progress.js'
import { lastPosition } from '../workload/record-log.js'

const streams = { short: 60, full: 600, hunt: 40 } as const
const model = 'account-balances'
const follow = {
  task: 'follow',
  projections: ['account-balances that refuse'],
} as const satisfies ProcessTask

/** Some streams have an event at which the handler throws, some one at which the upcaster does; the projectors are killed besides. */
export const poisonedStreams: Experiment = {
  name: 'poisoned-streams',
  group: 'projector',
  summary:
    'handlers and upcasters that throw, with policy park, and kills: the streams of such events wait, others go on',
  checks: ['I6', 'I12', 'requirements'],

  async run({ size, random, database, history, mutant }) {
    const pool = database.createPool({ max: 6 })
    const store = createEventStore(pool, { listen: false })
    const processes = new ProjectionProcesses(database.url, mutant)
    try {
      await appendSome(store, streams[size], 'first')
      for (const passage of [1, random.integer(2, 5)])
        await processes.run({ ...follow, failpoints: `projection.before-commit=kill@${passage}` })
      const survivor = processes.start(follow)
      // Streams that wait already get more events, and new ones come.
      await appendSome(store, streams[size], 'second')
      history.add({ kind: 'healed', atMs: history.now() })
      await recordProjectionsCatchUp(pool, history, [model], await lastPosition(pool))
      await recordModel(pool, history, model, { without: parkedByTheRules() })
      const [expected, actual] = [await expectedParked(pool), await actuallyParked(pool)]
      demand(history, 'events set aside', summaryOf(expected), summaryOf(actual), expected.join() === actual.join())
      const rebuilt = await processes.run({ task: 'rebuild', projections: follow.projections, batchSize: 50 })
      demand(history, 'a rebuild', 'done', JSON.stringify(rebuilt), rebuilt?.kind === 'done')
      await recordModel(pool, history, model, { without: parkedByTheRules() })
      const after = await actuallyParked(pool)
      demand(
        history,
        'events set aside after a rebuild',
        summaryOf(expected),
        summaryOf(after),
        expected.join() === after.join(),
      )
      demand(history, 'the process that lived', 'running', String(survivor.running), survivor.running)
    } finally {
      await processes.close()
      await store.close()
    }
  },
}

async function appendSome(store: EventStore, count: number, owner: string): Promise<void> {
  const deposit = (amount: number, schemaVersion = 2) => ({
    ...{ type: 'Deposited', schemaVersion, data: { owner, amount } },
  })
  await Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const poison = n % 10 === 3 ? [deposit(refusedAmount)] : n % 10 === 7 ? [deposit(refusedAmount, 1)] : []
      const opened = { type: 'Opened', data: { owner } }
      const events = [opened, deposit(n), deposit(n, 1), ...poison, deposit(n + 1), deposit(n + 2)]
      await store.appendToStream(`account-p.${n}`, events, { expectedVersion: 'any' })
    }),
  )
}

/** What the policy sets aside: the event that fails, and all later ones of its stream. */
function parkedByTheRules(): (event: LedgerEvent) => boolean {
  const waiting = new Set<string>()
  return ({ streamId, data }) => {
    if (data.amount === refusedAmount) waiting.add(streamId)
    return waiting.has(streamId)
  }
}

async function expectedParked(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ place: string }>(
    `select e.stream_id || ' ' || e.version || ' ' || case when e.version = f.first then 'failed' else 'blocked' end as place
       from tidemark.events e
       join (select stream_id, min(version) as first from tidemark.events where data ->> 'amount' = $1 group by 1) f
         on f.stream_id = e.stream_id and e.version >= f.first
      order by 1`,
    [String(refusedAmount)],
  )
  return rows.map(({ place }) => place)
}

async function actuallyParked(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ place: string }>(
    `select a.stream_id || ' ' || a.version || ' ' || a.status as place
       from tidemark.parked_events a
       join tidemark.projections p on p.table_name = a.consumer and p.status = 'live'
      order by 1`,
  )
  return rows.map(({ place }) => place)
}

function summaryOf(places: readonly string[]): string {
  const failed = places.filter((place) => place.endsWith(' failed')).length
  return `${failed} failed, ${places.length - failed} blocked`
}
