import { createEventStore } from '@tidemark/eventstore'
import type pg from 'pg'
import type { Experiment, ExperimentContext } from '../experiment.js'
import { demand } from '../workload/demand.js'
import { recordModel } from '../workload/ledger-fold.js'
import { fillLedger, runLedgerWriters } from '../workload/ledger-writer.js'
import { pause } from '../workload/pause.js'
import { ProjectionProcesses, type ProcessTask } from '../workload/projection-processes.js'
import { recordProjectionsCatchUp, until } from '../workload/projection-progress.js'
import { lastPosition, recordLog } from '../workload/record-log.js'

const sizes = {
  short: { events: 3000, rounds: 1 },
  full: { events: 20_000, rounds: 10 },
  hunt: { events: 3000, rounds: 1 },
} as const

const model = 'account-balances'
const common = { projections: [model], batchSize: 100, leaseMs: 300 } as const
const rebuild = { ...common, task: 'rebuild', rebuild: { rowsPerTransaction: 10 } } as const satisfies ProcessTask
const inShards = { ...rebuild, rebuild: { rowsPerTransaction: 10, shards: 2 } } as const satisfies ProcessTask
const beside = { ...rebuild, rebuild: { rowsPerTransaction: 10, promote: false } } as const satisfies ProcessTask
const promote = { ...common, task: 'promote' } as const satisfies ProcessTask
const rollback = { ...common, task: 'rollback' } as const satisfies ProcessTask
/** A busy machine keeps processes from their heartbeats for longer than the short leases here, which are for those that die. */
const longLeaseMs = 3000
const slowly = { rowsPerTransaction: 100, share: 0.02 } as const

/** What is done, and where its process dies. The next one meets what the one before it left behind. */
const deaths: readonly (readonly [ProcessTask, string])[] = [
  [rebuild, 'rebuild.before-begin=kill'],
  [rebuild, 'rebuild.before-commit=kill@1'],
  [rebuild, 'rebuild.before-commit=kill@4'],
  [rebuild, 'rebuild.before-indexes=kill'],
  [rebuild, 'rebuild.after-indexes=kill'],
  [rebuild, 'rebuild.before-switch=kill'],
  [rebuild, 'rebuild.after-switch=kill'],
  [inShards, 'rebuild.before-drop=kill'],
  [inShards, 'rebuild.before-commit=kill@5'],
  [inShards, 'rebuild.before-switch=kill'],
  [beside, 'rebuild.before-built=kill'],
]
const deathsOfSwitches: readonly (readonly [ProcessTask, string])[] = [
  [promote, 'rebuild.before-switch=kill'],
  [promote, 'rebuild.after-switch=kill'],
  [rollback, 'rebuild.before-switch=kill'],
  [rollback, 'rebuild.after-switch=kill'],
]

/** Rebuilds, promotes and rollbacks die in each of their phases, are run again, twice, and two at once. */
export const killedRebuilds: Experiment = {
  name: 'killed-rebuilds',
  group: 'projector',
  summary: 'kill -9 in each phase of a rebuild, promote and rollback; rebuilds twice and two at once: identical rows',
  checks: ['I1', 'I2', 'I3', 'I6', 'I12', 'requirements'],

  async run(context) {
    const { size, random, database, history, mutant, signal } = context
    const pool = database.createPool({ max: 8 })
    const store = createEventStore(pool, { listen: false })
    const processes = new ProjectionProcesses(database.url, mutant)
    const done = new AbortController()
    const options = { store, history, random: random.fork(), signal: done.signal, longestPauseMs: 100 }
    let writing: Promise<void> = Promise.resolve()
    try {
      await fillLedger(options, sizes[size].events)
      await processes.start({ task: 'follow', projections: [model] }).started
      await recordProjectionsCatchUp(pool, history, [model], await lastPosition(pool))
      writing = runLedgerWriters(2, options)
      for (let round = 0; round < sizes[size].rounds && !signal.aborted; round++) {
        for (const death of deaths) await dieIn(context, pool, processes, death)
        await finish(context, pool, processes, 'a rebuild beside the live one', beside)
        for (const death of deathsOfSwitches) await dieIn(context, pool, processes, death)
        await finish(context, pool, processes, 'a rebuild in two shards', inShards)
        await rebuildTwoAtOnce(context, pool, processes)
        await wakeAfterAnother(context, pool, processes)
      }
      done.abort()
      await writing
      history.add({ kind: 'healed', atMs: history.now() })
      await recordProjectionsCatchUp(pool, history, [model], await lastPosition(pool))
      await rebuildTwice(context, pool, processes)
      await recordLog(pool, history)
    } finally {
      done.abort()
      await writing
      await processes.close()
      await store.close()
    }
  },
}

/** A process dies; whatever is live then is right, and whole. */
async function dieIn(
  { history, signal }: ExperimentContext,
  pool: pg.Pool,
  processes: ProjectionProcesses,
  [task, failpoints]: (typeof deaths)[number],
): Promise<void> {
  if (signal.aborted) return
  const outcome = await processes.run({ ...task, failpoints })
  const actual = outcome?.kind === 'signal' ? outcome.signal : JSON.stringify(outcome)
  demand(history, `the end of a ${task.task} with ${failpoints}`, 'SIGKILL', actual, actual === 'SIGKILL')
  await recordModel(pool, history, model)
}

async function finish(
  { history }: Pick<ExperimentContext, 'history'>,
  pool: pg.Pool,
  processes: ProjectionProcesses,
  what: string,
  task: ProcessTask,
): Promise<void> {
  const outcome = await processes.run(task)
  demand(history, what, 'done', JSON.stringify(outcome), outcome?.kind === 'done')
  await recordModel(pool, history, model)
}

/** While one rebuilds, another is refused, and a third helps. */
async function rebuildTwoAtOnce(
  { history }: ExperimentContext,
  pool: pg.Pool,
  processes: ProjectionProcesses,
): Promise<void> {
  const long = { ...rebuild, leaseMs: longLeaseMs }
  const first = processes.start({ ...long, rebuild: { ...slowly, shards: 2 } })
  await until(() => isBuilding(pool), 20_000)
  const [refused, helped] = await Promise.all([
    processes.run(long),
    processes.run({ ...long, rebuild: { rowsPerTransaction: 100, shards: 2, join: true } }),
  ])
  const code = refused?.kind === 'failed' ? refused.code : JSON.stringify(refused)
  const expected = 'PROJECTIONS_REBUILD_RUNNING'
  demand(history, 'a second rebuild at the same time', expected, code, code === expected)
  const help = JSON.stringify(helped)
  demand(history, 'a rebuild that joins', 'done', help, helped?.kind === 'done' && !helped.promoted)
  const outcome = await first.outcome
  const led = outcome?.kind === 'done' && outcome.promoted
  demand(history, 'the first of two rebuilds', 'done, promoted', JSON.stringify(outcome), led)
  await recordModel(pool, history, model)
}

/** A rebuild sleeps before its end, past its lease; another has finished the build when it wakes, and made it live. */
async function wakeAfterAnother(
  { history }: ExperimentContext,
  pool: pg.Pool,
  processes: ProjectionProcesses,
): Promise<void> {
  const sleeper = processes.start({ ...beside, failpoints: 'rebuild.after-indexes=sleep:1000' })
  const built = await until(() => isBuilt(pool), 20_000, 5)
  demand(history, 'a rebuild that is about to end', 'built', built === undefined ? 'not built' : 'built', !!built)
  await pause(200)
  sleeper.signal('SIGSTOP')
  await finish({ history }, pool, processes, 'a rebuild that takes over', rebuild)
  sleeper.signal('SIGCONT')
  const outcome = await sleeper.outcome
  const code = outcome?.kind === 'failed' ? outcome.code : JSON.stringify(outcome)
  const expected = 'EVENTSTORE_CHECKPOINT_LOST'
  demand(history, 'the end of a rebuild that slept', expected, code, code === expected)
  const { rows } = await pool.query<{ live: number }>(
    `select count(*)::int as live from tidemark.projections where name = $1 and status = 'live'`,
    [model],
  )
  demand(history, 'live tables after that', '1', rows[0]?.live ?? 0, rows[0]?.live === 1)
  await recordModel(pool, history, model)
}

async function isBuilt(pool: pg.Pool): Promise<boolean> {
  const { rowCount } = await pool.query(
    `select from tidemark.projections p join tidemark.checkpoints c on c.name = 'projection:' || p.table_name
      where p.status = 'building' and c.position >= p.target`,
  )
  return rowCount !== 0
}

async function isBuilding(pool: pg.Pool): Promise<boolean> {
  const { rowCount } = await pool.query(
    `select from tidemark.projections p join tidemark.checkpoints c on starts_with(c.name, 'projection:' || p.table_name)
      where p.status = 'building' and c.lease_until > clock_timestamp()`,
  )
  return rowCount !== 0
}

/** Nobody appends: rows must be the same to the byte, after one rebuild, after a second, and after one that died in the middle. */
async function rebuildTwice(context: ExperimentContext, pool: pg.Pool, processes: ProjectionProcesses): Promise<void> {
  const { history } = context
  const hashes = [await recordModel(pool, history, model)]
  for (const failpoints of [undefined, undefined, 'rebuild.before-commit=kill@5']) {
    if (failpoints !== undefined) await dieIn(context, pool, processes, [rebuild, failpoints])
    await finish(context, pool, processes, 'a rebuild of a log that stands still', rebuild)
    hashes.push(await recordModel(pool, history, model))
  }
  const different = new Set(hashes).size
  demand(history, 'different hashes over three rebuilds', '1', different, different === 1)
}
