import { createEventStore, type EventStore, type NewEvent } from '@tidemark/eventstore'
import type pg from 'pg'
import type { Experiment, ExperimentContext } from '../experiment.js'
import { demand } from '../workload/demand.js'
import { recordModel } from '../workload/ledger-fold.js'
import { pause } from '../workload/pause.js'
import { ProjectionProcesses } from '../workload/projection-processes.js'
import { liveCheckpoints, positionOf, recordProjectionsCatchUp, until } from '../workload/projection-progress.js'
import { lastPosition } from '../workload/record-log.js'

const rounds = { short: 1, full: 10, hunt: 1 } as const
const model = 'bonus-totals'
const stopsWithinMs = 10_000
const owner = 'o-1'

/** What older code does not know: a newer schema of an event, and a type that its aggregate did not have. */
const news: readonly (readonly [what: string, event: NewEvent])[] = [
  ['schema version', { type: 'Deposited', schemaVersion: 2, data: { owner, cents: 700 } }],
  ['event type', { type: 'BonusPaid', data: { owner, amount: 5 } }],
]

/** Older code meets what only newer code knows: it stops and says so, and all goes on where newer code runs beside it. */
export const rollingDeploys: Experiment = {
  name: 'rolling-deploys',
  group: 'projector',
  summary: 'events and versions that only newer code knows: older code stops and says so, newer code beside it goes on',
  checks: ['I6', 'I12', 'requirements'],

  async run(context) {
    const { size, database, history, mutant, signal } = context
    const pool = database.createPool({ max: 6 })
    const store = createEventStore(pool, { listen: false })
    const processes = new ProjectionProcesses(database.url, mutant)
    try {
      for (let round = 0; round < rounds[size] && !signal.aborted; round++) {
        for (const [what, event] of news) await meet(context, { store, pool, processes }, what, event)
      }
      history.add({ kind: 'healed', atMs: history.now() })
      await raiseVersion(context, { store, pool, processes })
      await recordProjectionsCatchUp(pool, history, [model], await lastPosition(pool))
      await recordModel(pool, history, model)
    } finally {
      await processes.close()
      await store.close()
    }
  },
}

interface Deployment {
  readonly store: EventStore
  readonly pool: pg.Pool
  readonly processes: ProjectionProcesses
}

async function appendKnown({ store }: Deployment, count: number): Promise<void> {
  const events = Array.from({ length: count }, (_, n) => ({ type: 'Deposited', data: { owner, amount: n } }))
  await store.appendToStream('account-a', events, { expectedVersion: 'any' })
}

async function meet(
  { history }: ExperimentContext,
  deployment: Deployment,
  what: string,
  event: NewEvent,
): Promise<void> {
  const { store, pool, processes } = deployment
  const older = processes.start({ task: 'follow', projections: ['older bonus-totals'] })
  await older.started
  await appendKnown(deployment, 30)
  const before = await lastPosition(pool)
  await until(async () => (await positionOf(pool, model)) >= before, stopsWithinMs)
  await store.appendToStream('account-b', [event], { expectedVersion: 'any' })
  const first = await lastPosition(pool)
  await appendKnown(deployment, 30)
  await until(async () => (await errorOf(pool)) !== undefined, stopsWithinMs)
  const error = await errorOf(pool)
  demand(
    history,
    `what is said about an unknown ${what}`,
    event.type,
    error ?? 'nothing',
    error?.includes(event.type) === true,
  )
  await pause(1000)
  const position = await positionOf(pool, model)
  demand(history, `the position at an unknown ${what}`, `below ${first}`, String(position), position < first)
  const rebuild = await processes.run({ task: 'rebuild', projections: ['older bonus-totals'] })
  const code = rebuild?.kind === 'failed' ? rebuild.code : JSON.stringify(rebuild)
  const expected = 'EVENTSTORE_UNKNOWN_EVENT'
  demand(history, `a rebuild by older code at an unknown ${what}`, expected, code, code === expected)
  const newer = processes.start({ task: 'follow', projections: ['newer bonus-totals'] })
  await recordProjectionsCatchUp(pool, history, [model], await lastPosition(pool))
  await recordModel(pool, history, model)
  const { rows } = await pool.query<{ parked: number }>('select count(*)::int as parked from tidemark.parked_events')
  demand(history, 'events set aside', '0', rows[0]?.parked ?? 0, rows[0]?.parked === 0)
  demand(history, 'processes that run', '2', processes.running.length, older.running && newer.running)
  await Promise.all([older.dismiss(), newer.dismiss()])
}

/** A version that is rebuilt and goes live lets the code of the version before rest. */
async function raiseVersion({ history }: ExperimentContext, deployment: Deployment): Promise<void> {
  const { processes } = deployment
  const older = processes.start({ task: 'follow', projections: ['newer bonus-totals'] })
  await older.started
  const rebuilt = await processes.run({ task: 'rebuild', projections: ['next bonus-totals'] })
  demand(history, 'the rebuild of a raised version', 'done', JSON.stringify(rebuilt), rebuilt?.kind === 'done')
  const refused = await processes.run({ task: 'rebuild', projections: ['newer bonus-totals'] })
  const code = refused?.kind === 'failed' ? refused.code : JSON.stringify(refused)
  const expected = 'PROJECTIONS_VERSION_NOT_LIVE'
  demand(history, 'a rebuild of the version before', expected, code, code === expected)
  await processes.start({ task: 'follow', projections: ['next bonus-totals'] }).started
  await appendKnown(deployment, 30)
  demand(history, 'the code of the version before', 'running', String(older.running), older.running)
}

async function errorOf(pool: pg.Pool): Promise<string | undefined> {
  return (await liveCheckpoints(pool, model)).find(({ error }) => error !== undefined)?.error
}
