import { createEventStore } from '@tidemark/eventstore'
import type { Experiment, ExperimentContext } from '../experiment.js'
import { demand } from '../workload/demand.js'
import { recordModel } from '../workload/ledger-fold.js'
import { runLedgerWriters } from '../workload/ledger-writer.js'
import { pause } from '../workload/pause.js'
import { ProjectionProcesses, type ProcessTask } from '../workload/projection-processes.js'
import { recordProjectionsCatchUp } from '../workload/projection-progress.js'
import { lastPosition, recordLog } from '../workload/record-log.js'

/** How often a process dies at each point, and how many die at any moment. */
const sizes = {
  short: { rounds: 1, randomKills: 4 },
  full: { rounds: 12, randomKills: 150 },
  hunt: { rounds: 1, randomKills: 0 },
} as const

const points = ['projection.before-commit', 'projection.after-commit'] as const
const models = ['account-balances', 'owner-totals'] as const
const follow = {
  task: 'follow',
  projections: ['account-balances in 4 shards', 'owner-totals in 3 shards'],
} as const satisfies ProcessTask

/** Processes that follow the log with several shards die between rows and commit, after it, and anywhere. */
export const killedProjectors: Experiment = {
  name: 'killed-projectors',
  group: 'projector',
  summary: 'kill -9 of projectors, at each point of a batch and at random, under load: rows equal the fold of the log',
  checks: ['I1', 'I2', 'I3', 'I6', 'I12', 'requirements'],

  async run(context) {
    const { size, random, database, history, mutant, signal } = context
    const pool = database.createPool({ max: 8 })
    const store = createEventStore(pool, { listen: false })
    const processes = new ProjectionProcesses(database.url, mutant)
    const done = new AbortController()
    const writing = runLedgerWriters(4, { store, history, random, signal: done.signal })
    try {
      const wanted = sizes[size].rounds * points.length * 2
      const died = await killAtPoints(context, processes, sizes[size].rounds)
      demand(history, 'processes that died at a named point', String(wanted), died, died === wanted || signal.aborted)
      await killAtRandom(context, processes, sizes[size].randomKills)
      done.abort()
      await writing
      history.add({ kind: 'healed', atMs: history.now() })
      const last = processes.start(follow)
      await recordProjectionsCatchUp(pool, history, models, await lastPosition(pool))
      for (const model of models) await recordModel(pool, history, model)
      await last.dismiss()
      await recordLog(pool, history)
    } finally {
      done.abort()
      await writing
      await processes.close()
      await store.close()
    }
  },
}

/** One process after the other dies at its point; its place in the sequence of batches is random. */
async function killAtPoints(
  { random, signal }: ExperimentContext,
  processes: ProjectionProcesses,
  rounds: number,
): Promise<number> {
  let died = 0
  for (let round = 0; round < rounds && !signal.aborted; round++) {
    for (const point of points) {
      for (const passage of [1, random.integer(2, 20)]) {
        const outcome = await processes.run({ ...follow, failpoints: `${point}=kill@${passage}` })
        if (outcome?.kind === 'signal') died++
      }
    }
  }
  return died
}

/** Two processes share the shards; one of them dies now and then, and another comes. */
async function killAtRandom(
  { random, signal }: ExperimentContext,
  processes: ProjectionProcesses,
  kills: number,
): Promise<void> {
  if (kills === 0) return
  for (let n = 0; n < 2; n++) await processes.start(follow).started
  for (let kill = 0; kill < kills && !signal.aborted; kill++) {
    const next = processes.start(follow)
    await pause(random.integer(50, 1000), signal)
    const [first, ...others] = processes.running
    if (first) await random.pick([first, ...others]).kill()
    if (next.running) await next.started.catch(() => undefined)
  }
  await processes.close()
}
