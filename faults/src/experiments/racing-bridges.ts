import type { Experiment, ExperimentContext } from '../experiment.js'
import { runBridge, type BridgeRun } from '../workload/bridge-run.js'
import { demand } from '../workload/demand.js'
import { kafkaOf } from '../workload/kafka-servers.js'
import { pause } from '../workload/pause.js'

const rounds = { short: 4, full: 100, hunt: 3 } as const
const leaseMs = 1000
/** One second is promised; a busy machine may need another two. */
const takeOverWithinMs = leaseMs + 3000

/** A part of the stops falls between a batch and its send, or between its acknowledgement and the checkpoint. */
const failpoints = 'bridge.before-send=sleep:10;bridge.after-send=sleep:10'

/** Two to four processes want one bridge; the one that has it is stopped past its lease, and goes on with what it had in hand. */
export const racingBridges: Experiment = {
  name: 'racing-bridges',
  group: 'bridge',
  summary: 'several bridges race, and are stopped past their lease: each zombie repeats one batch at most',
  checks: ['I1', 'I2', 'I3', 'I7', 'I8', 'I10', 'I12', 'requirements'],
  needs: 'kafka',

  async run(context) {
    const { size, history, signal } = context
    await runBridge(context, { kafka: kafkaOf(context), options: { leaseMs, batchSize: 50 } }, async (run) => {
      run.startLoad()
      let stops = 0
      for (; stops < rounds[size] && !signal.aborted; stops++) {
        const wanted = 2 + (stops % 3)
        while (run.running.length < wanted) await run.start({}, failpoints).started
        await stopTheOwner(context, run, stops)
      }
      const running = run.running.length
      demand(history, 'processes that still run', String(Math.min(4, 1 + stops)), running, running >= 2)
      return { interruptions: stops + run.failedSends }
    })
  },
}

async function stopTheOwner({ random, signal }: ExperimentContext, run: BridgeRun, round: number): Promise<void> {
  await pause(random.integer(0, 200), signal)
  const owner = await run.soonOwner()
  owner?.signal('SIGSTOP')
  const isTaken = async () => owner !== undefined && (await run.isTakenFrom(owner))
  await run.demandSoon(`somebody takes over in round ${round}`, isTaken, takeOverWithinMs)
  // The others get ahead, so that what the sleeper has in hand is old.
  await pause(random.integer(200, 600), signal)
  owner?.signal('SIGCONT')
  await pause(random.integer(200, 500), signal)
}
