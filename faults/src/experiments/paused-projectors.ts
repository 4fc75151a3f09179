import { createEventStore } from '@tidemark/eventstore'
import type pg from 'pg'
import type { Experiment, ExperimentContext } from '../experiment.js'
import { demand } from '../workload/demand.js'
import { recordModel } from '../workload/ledger-fold.js'
import { runLedgerWriters } from '../workload/ledger-writer.js'
import { pause } from '../workload/pause.js'
import { ProjectionProcesses, type ProcessTask } from '../workload/projection-processes.js'
import { liveCheckpoints, recordProjectionsCatchUp, until } from '../workload/projection-progress.js'
import { lastPosition, recordLog } from '../workload/record-log.js'

const rounds = { short: 3, full: 100, hunt: 2 } as const
const leaseMs = 1000
/** One second is promised; a busy machine may need another two. */
const takeOverWithinMs = leaseMs + 3000
const models = ['account-balances', 'owner-totals'] as const
const follow = {
  task: 'follow',
  projections: ['account-balances', 'owner-totals in 3 shards'],
  leaseMs,
  // A part of the stops falls between two batches, where the next one is read already.
  failpoints: 'projection.after-commit=sleep:20',
} as const satisfies ProcessTask

/** Projectors are stopped past their lease and go on, in a batch or between two, while others compete for their checkpoints. */
export const pausedProjectors: Experiment = {
  name: 'paused-projectors',
  group: 'projector',
  summary: 'SIGSTOP of projectors past their lease, then SIGCONT: another takes over in time, nothing counts twice',
  checks: ['I1', 'I2', 'I3', 'I6', 'I12', 'requirements'],

  async run(context) {
    const { size, random, database, history, mutant, signal } = context
    const pool = database.createPool({ max: 8 })
    const store = createEventStore(pool, { listen: false })
    const processes = new ProjectionProcesses(database.url, mutant)
    const done = new AbortController()
    const options = { store, history, random: random.fork(), signal: done.signal, longestPauseMs: 10 }
    const writing = runLedgerWriters(4, options)
    try {
      await startCompetitors(processes, 2)
      for (let round = 0; round < rounds[size] && !signal.aborted; round++) {
        await startCompetitors(processes, 2 + (round % 3))
        await pauseAnOwner(context, pool, processes, round)
      }
      done.abort()
      await writing
      history.add({ kind: 'healed', atMs: history.now() })
      await recordProjectionsCatchUp(pool, history, models, await lastPosition(pool))
      for (const model of models) await recordModel(pool, history, model)
      const ended = processes.endedOf('follow')
      demand(history, 'processes that ended', '0', ended, ended === 0)
      await recordLog(pool, history)
    } finally {
      done.abort()
      await writing
      await processes.close()
      await store.close()
    }
  },
}

async function startCompetitors(processes: ProjectionProcesses, wanted: number): Promise<void> {
  while (processes.running.length < wanted) await processes.start(follow).started
}

async function pauseAnOwner(
  { random, history, signal }: ExperimentContext,
  pool: pg.Pool,
  processes: ProjectionProcesses,
  round: number,
): Promise<void> {
  const model = random.pick(models)
  await pause(random.integer(0, 200), signal)
  const checkpoint = random.pick(await ownedCheckpoints(pool, model))
  const owner = processes.running.find(({ pid }) => pid === checkpoint?.pid)
  if (!checkpoint || !owner) return demand(history, `owner of ${model} in round ${round}`, 'a process', 'nobody', false)
  owner.signal('SIGSTOP')
  const took = await until(
    async () => (await liveCheckpoints(pool, model)).every(({ pid }) => pid !== undefined && pid !== owner.pid),
    3 * takeOverWithinMs,
  )
  demand(
    history,
    `time until ${model} was taken over in round ${round}`,
    `at most ${takeOverWithinMs} ms`,
    took === undefined ? 'never' : `${Math.round(took)} ms`,
    took !== undefined && took <= takeOverWithinMs,
  )
  // The others get ahead, so that what the sleeper has read is old.
  await pause(random.integer(200, 600), signal)
  owner.signal('SIGCONT')
  await pause(random.integer(200, 500), signal)
}

/** The checkpoints of a model once all of them have an owner. */
async function ownedCheckpoints(pool: pg.Pool, model: string): Promise<[Owned | undefined, ...Owned[]]> {
  let owned: Owned[] = []
  await until(async () => {
    owned = await liveCheckpoints(pool, model)
    return owned.length > 0 && owned.every(({ pid }) => pid !== undefined)
  }, 20_000)
  const [first, ...others] = owned
  return [first, ...others]
}

type Owned = Awaited<ReturnType<typeof liveCheckpoints>>[number]
