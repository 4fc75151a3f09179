import { createEventStore } from '@tidemark/eventstore'
import { migrate } from '@tidemark/migrations'
import { startEmbeddedPostgres, type EmbeddedPostgres } from '@tidemark/test-servers'
import pg from 'pg'
import type { Experiment, ExperimentContext } from '../experiment.js'
import { demand } from '../workload/demand.js'
import { recordModel } from '../workload/ledger-fold.js'
import { fillLedger, runLedgerWriters } from '../workload/ledger-writer.js'
import { pause } from '../workload/pause.js'
import { ProjectionProcesses, type ProcessOutcome, type ProcessTask } from '../workload/projection-processes.js'
import { positionOf, recordProjectionsCatchUp, until } from '../workload/projection-progress.js'
import { lastPosition, recordLog } from '../workload/record-log.js'

const sizes = {
  short: { events: 3000, rounds: 1 },
  full: { events: 20_000, rounds: 12 },
  hunt: { events: 3000, rounds: 1 },
} as const

const models = ['account-balances', 'owner-totals'] as const
const follow = {
  task: 'follow',
  projections: ['account-balances', 'owner-totals in 3 shards'],
} as const satisfies ProcessTask
const rebuild = {
  task: 'rebuild',
  projections: ['account-balances'],
  batchSize: 50,
  rebuild: { rowsPerTransaction: 5, share: 0.2 },
} as const satisfies ProcessTask
/** Five seconds are promised; a busy machine may need more. */
const goesOnWithinMs = 15_000

/** A server of the experiment's own is stopped at once, or one of its backends is killed, while batches and a rebuild are in work. */
export const restartedPostgres: Experiment = {
  name: 'restarted-postgres',
  group: 'projector',
  summary: 'Postgres stops at once, or loses a backend to kill -9, in batches and in a rebuild: projectors go on',
  checks: ['I1', 'I2', 'I3', 'I6', 'I12', 'requirements'],

  async run(context) {
    const { size, history, mutant, random, signal } = context
    const server = await startEmbeddedPostgres()
    const pool = new pg.Pool({ connectionString: server.directUrl, max: 8 })
    pool.on('error', () => undefined)
    const processes = new ProjectionProcesses(server.directUrl, mutant)
    const done = new AbortController()
    let writing: Promise<void> = Promise.resolve()
    try {
      await migrate(server.directUrl)
      const store = createEventStore(pool, { listen: false, retryForMs: 500 })
      const options = { store, history, random: random.fork(), signal: done.signal, longestPauseMs: 30 }
      await fillLedger(options, sizes[size].events)
      for (let n = 0; n < 2; n++) await processes.start(follow).started
      await recordProjectionsCatchUp(pool, history, models, await lastPosition(pool))
      writing = runLedgerWriters(3, options)
      for (let round = 0; round < sizes[size].rounds && !signal.aborted; round++) {
        await breakAndGoOn(context, pool, 'an immediate stop', () => stopAtOnce(server))
        await breakAndGoOn(context, pool, 'kill -9 of a backend', () => killBackend(pool))
        await breakRebuild(context, pool, processes, 'an immediate stop in a rebuild', () => stopAtOnce(server))
        await breakRebuild(context, pool, processes, 'kill -9 of a backend in a rebuild', () => killBackend(pool))
      }
      const dead = processes.endedOf('follow')
      demand(history, 'projectors that ended', '0', dead, dead === 0)
      done.abort()
      await writing
      history.add({ kind: 'healed', atMs: history.now() })
      await recordProjectionsCatchUp(pool, history, models, await lastPosition(pool))
      for (const model of models) await recordModel(pool, history, model)
      await recordLog(pool, history)
      await store.close()
    } finally {
      done.abort()
      await writing.catch(() => undefined)
      await processes.close()
      await pool.end()
      await server.close()
    }
  },
}

async function stopAtOnce(server: EmbeddedPostgres): Promise<void> {
  await server.stop('immediate')
  await pause(200)
  await server.start()
}

/** The postmaster then ends all the others too, and recovers. */
async function killBackend(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ pid: number }>(
    `select pid from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
      order by random() limit 1`,
  )
  if (rows[0]) process.kill(rows[0].pid, 'SIGKILL')
  await pause(50)
  await until(async () => (await pool.query('select 1')).rowCount === 1, 30_000)
}

async function breakAndGoOn(
  { history, random, signal }: ExperimentContext,
  pool: pg.Pool,
  what: string,
  fault: () => Promise<void>,
): Promise<void> {
  await pause(random.integer(100, 1000), signal)
  await fault()
  const reached = await lastPosition(pool)
  const took = await until(async () => {
    const positions = await Promise.all(models.map((model) => positionOf(pool, model)))
    return positions.every((position) => position >= reached)
  }, 2 * goesOnWithinMs)
  const actual = took === undefined ? 'never' : `${Math.round(took)} ms`
  const met = took !== undefined && took <= goesOnWithinMs
  demand(history, `time until projectors had gone on after ${what}`, `at most ${goesOnWithinMs} ms`, actual, met)
}

/** The rebuild may end with an error then; run again, it goes on. */
async function breakRebuild(
  context: ExperimentContext,
  pool: pg.Pool,
  processes: ProjectionProcesses,
  what: string,
  fault: () => Promise<void>,
): Promise<void> {
  const { history } = context
  const broken = processes.start(rebuild)
  await until(() => hasWritten(pool), 20_000)
  await breakAndGoOn(context, pool, what, fault)
  const first = await broken.outcome
  const again = isPromoted(first) ? first : await processes.run({ ...rebuild, rebuild: { rowsPerTransaction: 100 } })
  const actual = `${JSON.stringify(first)}, then ${JSON.stringify(again)}`
  const failedAsPromised = isPromoted(first) || (first?.kind === 'failed' && first.code.startsWith('EVENTSTORE_'))
  demand(
    history,
    `a rebuild with ${what}`,
    'a typed error at most, then done',
    actual,
    failedAsPromised && isPromoted(again),
  )
  await recordModel(pool, history, 'account-balances')
}

function isPromoted(outcome: ProcessOutcome): boolean {
  return outcome?.kind === 'done' && outcome.promoted
}

async function hasWritten(pool: pg.Pool): Promise<boolean> {
  const { rowCount } = await pool.query(
    `select from tidemark.projections p join tidemark.checkpoints c on c.name = 'projection:' || p.table_name
      where p.status = 'building' and c.position > 0`,
  )
  return rowCount !== 0
}
