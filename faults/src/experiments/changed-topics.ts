import { listParkedRecords, resumeBridge } from '@tidemark/fanout'
import type { Experiment, ExperimentContext } from '../experiment.js'
import { runBridge, type BridgeRun } from '../workload/bridge-run.js'
import { demand } from '../workload/demand.js'
import { topicCommand } from '../workload/kafka-tools.js'
import { kafkaOf } from '../workload/kafka-servers.js'
import { pause } from '../workload/pause.js'

const goneForMs = { short: 2000, full: 60_000, hunt: 500 } as const
const options = { topicPatienceMs: 1000, partitionCheckIntervalMs: 500, leaseMs: 500, batchSize: 100 } as const
/** Sends to a topic that is gone are tried for some seconds each. */
const noticedWithinMs = 30_000

/** A topic is deleted and made again while a bridge runs, and then gets more partitions. */
export const changedTopics: Experiment = {
  name: 'changed-topics',
  group: 'bridge',
  summary: 'a topic is deleted and made again, and gets more partitions, under a running bridge: nothing is lost',
  checks: ['I1', 'I2', 'I3', 'I7', 'I8', 'I12', 'requirements'],
  needs: 'kafka',

  async run(context) {
    const { size } = context
    const kafka = kafkaOf(context)
    await runBridge(context, { kafka, options }, async (run) => {
      run.startLoad()
      const bridge = run.start()
      await bridge.started
      await run.demandProgress('its start')
      const { topic } = run
      await topicCommand(kafka, '--delete', '--topic', topic)
      const after = await parkedFrom(context, run)
      await pause(goneForMs[size], context.signal)
      await topicCommand(kafka, '--create', '--topic', topic, '--partitions', '3', '--replication-factor', '1')
      // Who was refused asks again after half a minute only, so the short form takes another process.
      let kills = 0
      if (size !== 'full') {
        await bridge.kill()
        kills++
        await run.start().started
      }
      await retryUntilFree(context, run)
      await raisePartitions(context, run, () => topicCommand(kafka, '--alter', '--topic', topic, '--partitions', '6'))
      return { interruptions: kills + run.failedSends, after: String(after), moves: 1 }
    })
  },
}

/** Demands that events are set aside, and why; returns the position of the last one that went to the old topic. */
async function parkedFrom({ history, signal }: ExperimentContext, run: BridgeRun): Promise<bigint> {
  const isParked = async () => (await run.status()).parkedEvents > 0
  await run.demandSoon('sets events aside whose topic is gone', isParked, noticedWithinMs)
  const [first] = await listParkedRecords(run.store, { bridge: run.definition.name }, { limit: 1 })
  const why = first?.error?.message ?? 'nothing'
  const says = /does not exist|UNKNOWN_TOPIC_OR_PARTITION/.test(why)
  demand(history, 'why they were set aside', 'the topic is gone', why, says || signal.aborted)
  return (first?.position ?? 1n) - 1n
}

async function retryUntilFree({ history, signal }: ExperimentContext, run: BridgeRun): Promise<void> {
  const giveUpAt = performance.now() + 60_000
  let parked: number
  do {
    await run.retryParked()
    await pause(500, signal)
    parked = (await run.status()).parkedEvents
  } while (parked > 0 && performance.now() < giveUpAt && !signal.aborted)
  demand(history, 'events set aside after the topic was made again', '0', parked, parked === 0 || signal.aborted)
  await run.demandProgress('the topic was made again')
}

/** Keys would move to other partitions, so the bridge stands still until somebody says that consumers are ready. */
async function raisePartitions(
  { history, signal }: ExperimentContext,
  run: BridgeRun,
  raise: () => Promise<string>,
): Promise<void> {
  await raise()
  const hasHalted = async () => (await run.status()).state === 'failed'
  await run.demandSoon('halts at more partitions', hasHalted, noticedWithinMs)
  const { error = 'nothing', position } = await run.status()
  const says = /had 3 partitions when the bridge started and has 6 now/.test(error)
  demand(history, 'why it halted', 'the topic had 3 partitions and has 6', error, says || signal.aborted)
  await pause(2000, signal)
  const moved = (await run.status()).position - position
  demand(history, 'positions that it moved while it stood still', '0', String(moved), moved === 0n)
  await resumeBridge(run.store, run.definition.name)
  await run.demandProgress('it was resumed')
}
