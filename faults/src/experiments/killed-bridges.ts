import type { Experiment, ExperimentContext } from '../experiment.js'
import { runBridge, type BridgeRun } from '../workload/bridge-run.js'
import { demand } from '../workload/demand.js'
import { kafkaOf } from '../workload/kafka-servers.js'
import { pause } from '../workload/pause.js'

/** How often a process dies at each point, and how many die at any moment. */
const sizes = {
  short: { rounds: 1, randomKills: 3 },
  full: { rounds: 20, randomKills: 60 },
  hunt: { rounds: 1, randomKills: 0 },
} as const

/** Processes that run a bridge die before a batch is sent, between its acknowledgement and the checkpoint, and anywhere. */
export const killedBridges: Experiment = {
  name: 'killed-bridges',
  group: 'bridge',
  summary: 'kill -9 of bridges, before a send, after its acknowledgement and at random: nothing is lost or overtakes',
  checks: ['I1', 'I2', 'I3', 'I7', 'I8', 'I10', 'I12', 'requirements'],
  needs: 'kafka',

  async run(context) {
    const setting = { kafka: kafkaOf(context), options: { leaseMs: 500 } }
    await runBridge(context, setting, async (run) => {
      const kills = await killBridges(context, run, ['bridge.before-send', 'bridge.after-send'])
      return { interruptions: kills + run.failedSends }
    })
  },
}

/** Kills one process after the other, at each point and then anywhere; returns how often they died where they may have sent what they did not note. */
export async function killBridges(
  context: ExperimentContext,
  run: BridgeRun,
  points: readonly string[],
): Promise<number> {
  const { size, history, signal } = context
  const { rounds, randomKills } = sizes[size]
  run.startLoad()
  const wanted = rounds * points.length * 2
  const died = await killAtPoints(context, run, { rounds, points })
  demand(history, 'processes that died at a named point', String(wanted), died, died === wanted || signal.aborted)
  const kills = await killAtRandom(context, run, randomKills)
  run.start({ batchSize: 500 })
  return kills
}

/** One process after the other dies at its point; its place in the sequence of batches is random. */
async function killAtPoints(
  { random, signal }: ExperimentContext,
  run: BridgeRun,
  { rounds, points }: { readonly rounds: number; readonly points: readonly string[] },
): Promise<number> {
  let died = 0
  for (let round = 0; round < rounds && !signal.aborted; round++) {
    if (round > 0) await catchUp(run)
    for (const point of points) {
      for (const passage of [1, random.integer(2, 20)]) {
        const outcome = await run.start({}, `${point}=kill@${passage}`).outcome
        if (outcome?.kind === 'signal') died++
      }
    }
  }
  return died
}

/** Those that die get less done than is appended. */
async function catchUp(run: BridgeRun): Promise<void> {
  const bridge = run.start({ batchSize: 500 })
  await run.demandProgress('a round of deaths')
  await bridge.dismiss()
}

/** Whoever has the bridge dies now and then, while another waits for it. */
async function killAtRandom({ random, signal }: ExperimentContext, run: BridgeRun, kills: number): Promise<number> {
  let killed = 0
  if (kills > 0) await run.start().started
  while (killed < kills && !signal.aborted) {
    const next = run.start()
    await Promise.all([next.started, run.soonOwner()])
    await pause(random.integer(50, 600), signal)
    await (await run.soonOwner())?.kill()
    killed++
  }
  await Promise.all(run.running.map((each) => each.kill()))
  return killed
}
