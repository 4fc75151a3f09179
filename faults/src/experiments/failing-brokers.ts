import type { KafkaServer } from '@tidemark/test-servers'
import type { Experiment, ExperimentContext } from '../experiment.js'
import { runBridge, type BridgeRun } from '../workload/bridge-run.js'
import { demand } from '../workload/demand.js'
import { leaderOf, setMinInsyncReplicas } from '../workload/kafka-tools.js'
import { withOwnKafka } from '../workload/kafka-servers.js'
import { pause } from '../workload/pause.js'

const rounds = { short: 1, full: 10, hunt: 1 } as const
const createTopics = { partitions: 3, replicationFactor: 3, minInsyncReplicas: 2 } as const
/** A leader is given up after 3 s; each send is tried for some seconds, and the pauses between sends grow. */
const noticedWithinMs = 60_000

/** Three brokers, of which one is killed, each is restarted, and as many are down as are needed for an acknowledgement. */
export const failingBrokers: Experiment = {
  name: 'failing-brokers',
  group: 'bridge',
  summary:
    'leaders die, brokers restart in turn, replicas are too few: nothing counts that is not acknowledged by enough',
  checks: ['I1', 'I2', 'I3', 'I7', 'I8', 'I12', 'requirements'],

  async run(context) {
    const { size, signal } = context
    await withOwnKafka({ brokers: 3 }, (kafka) =>
      runBridge(context, { kafka, options: { createTopics, batchSize: 100 }, requestTimeoutMs: 5000 }, async (run) => {
        // Three brokers take most of a small machine.
        run.startLoad({ accountWriters: 4, longestPauseMs: 80 })
        await run.start().started
        for (let round = 0; round < rounds[size] && !signal.aborted; round++) {
          if (size !== 'hunt') await killALeader(run, kafka)
          if (size !== 'hunt') await restartInTurn(run, kafka)
          await takeReplicasAway(context, run, kafka)
        }
        return { interruptions: run.failedSends }
      }),
    )
  },
}

/** It stays away until its turn comes in the rolling restart. */
async function killALeader(run: BridgeRun, kafka: KafkaServer): Promise<void> {
  await run.demandProgress('its start')
  const leader = await leaderOf(kafka, run.topic)
  await kafka.brokers.find(({ id }) => id === leader)?.kill('SIGKILL')
  await run.demandProgress('the death of a leader', noticedWithinMs)
}

/** As an upgrade does it: each broker hands its partitions over, ends, and comes back before the next one. */
async function restartInTurn(run: BridgeRun, kafka: KafkaServer): Promise<void> {
  const downFirst = kafka.brokers.toSorted((a, b) => Number(a.pid !== undefined) - Number(b.pid !== undefined))
  for (const broker of downFirst) {
    await broker.kill('SIGTERM')
    await broker.start()
  }
  await run.demandProgress('a rolling restart', noticedWithinMs)
}

/**
 * One broker of three is down while a topic wants three replicas, so the leaders refuse. Then a second one goes, and with it the majority of controllers:
 * who is left waits for replicas that do not come.
 */
async function takeReplicasAway(context: ExperimentContext, run: BridgeRun, kafka: KafkaServer): Promise<void> {
  await setMinInsyncReplicas(kafka, run.topic, 3)
  const [first, second] = kafka.brokers
  await first?.kill('SIGKILL')
  // Who asks what the topic has already is told that its leader does not know yet.
  const isRefused = async () => /NOT_ENOUGH_REPLICAS|LEADER_NOT_AVAILABLE/.test((await run.status()).error ?? '')
  await run.demandSoon('says that replicas are too few', isRefused, noticedWithinMs)
  await standsStill(context, run, 'one broker is gone')
  await second?.kill('SIGKILL')
  await standsStill(context, run, 'two brokers are gone')
  await Promise.all([first?.start(), second?.start()])
  await run.demandProgress('two brokers were gone', noticedWithinMs)
  await setMinInsyncReplicas(kafka, run.topic, createTopics.minInsyncReplicas)
}

/** Nothing is acknowledged, so the checkpoint must not move, while appends go on. */
async function standsStill({ history, signal }: ExperimentContext, run: BridgeRun, when: string): Promise<void> {
  const before = await run.status()
  await pause(2000, signal)
  const after = await run.status()
  const moved = after.position - before.position
  demand(history, `positions that it moved while ${when}`, '0', String(moved), moved === 0n)
  const appended = after.head - before.head
  demand(history, `positions that were appended while ${when}`, 'some', String(appended), appended > 0n)
}
