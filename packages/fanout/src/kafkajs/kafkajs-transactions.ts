import { failpoint } from '@tidemark/eventstore'
import type { Kafka } from 'kafkajs'
import { setTimeout as sleep } from 'node:timers/promises'
import { ProducerClosedError, UnacknowledgedError, type FanoutError } from '../errors.js'
import type { KafkaTransactions, RawKafkaRecord } from '../kafka-producer-port.js'
import { untilAborted } from '../until-aborted.js'
import {
  createCluster,
  type Broker,
  type Cluster,
  type ProducedTopic,
  type TransactionalProducer,
} from './kafkajs-cluster.js'

/** After so long the coordinator aborts a transaction whose process is gone, and that nobody took over. */
const transactionTimeoutMs = 60_000
const replicationTimeoutMs = 10_000
const patienceMs = 30_000
const transactionCoordinator = 1

/** What passes by itself: the transaction before is still being ended, or the coordinator moves. */
const passing: ReadonlySet<string | undefined> = new Set([
  'CONCURRENT_TRANSACTIONS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'GROUP_LOAD_IN_PROGRESS',
  'NOT_COORDINATOR_FOR_GROUP',
])

type Translate = (error: unknown) => FanoutError

/**
 * Takes a transactional id by requests of our own to kafkajs's brokers.
 *
 * kafkajs's own transactions try again inside, and give sequence numbers back that a broker may have seen. Here nothing is tried twice: after an error
 * the id is taken again, which aborts what was not committed.
 */
export async function openKafkajsTransactions(
  kafka: Kafka,
  transactionalId: string,
  translate: Translate,
): Promise<KafkaTransactions> {
  const cluster = createCluster(kafka)
  try {
    await cluster.connect()
    const asked = { transactionalId, transactionTimeout: transactionTimeoutMs }
    const ids = await askCoordinator(cluster, transactionalId, (coordinator) => coordinator.initProducerId(asked))
    return new KafkajsTransactions(cluster, { transactionalId, ...ids }, translate)
  } catch (error) {
    await cluster.disconnect().catch(() => undefined)
    throw translate(error)
  }
}

class KafkajsTransactions implements KafkaTransactions {
  private readonly sequences = new Map<string, number>()
  private isOpen = false
  private closed = false

  constructor(
    private readonly cluster: Cluster,
    private readonly producer: TransactionalProducer,
    private readonly translate: Translate,
  ) {}

  async commit(records: readonly RawKafkaRecord[], { signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (records.length === 0) return
    try {
      if (this.closed) throw new ProducerClosedError()
      await untilAborted(this.transact(records), signal)
    } catch (error) {
      // Its sequence numbers, and whether it was committed, are unknown now.
      void this.close()
      throw this.translate(error)
    }
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    const { cluster, producer } = this
    if (this.isOpen) {
      await coordinatorOf(cluster, producer.transactionalId)
        .then((coordinator) => coordinator.endTxn({ ...producer, transactionResult: false }))
        .catch(() => undefined)
    }
    await cluster.disconnect().catch(() => undefined)
  }

  private async transact(records: readonly RawKafkaRecord[]): Promise<void> {
    const { cluster, producer } = this
    const partitions = byPartition(records)
    const topics = [...new Set(partitions.map(({ topic }) => topic))]
    await cluster.addMultipleTargetTopics(topics)
    await cluster.refreshMetadataIfNecessary()
    const taking = topics.map((topic) => ({
      topic,
      partitions: partitions.filter((each) => each.topic === topic).map(({ partition }) => partition),
    }))
    this.isOpen = true
    const { transactionalId } = producer
    await askCoordinator(cluster, transactionalId, (coordinator) =>
      coordinator.addPartitionsToTxn({ ...producer, topics: taking }),
    )
    await this.produce(partitions)
    await failpoint?.('bridge.in-transaction')
    await askCoordinator(cluster, transactionalId, (coordinator) =>
      coordinator.endTxn({ ...producer, transactionResult: true }),
    )
    this.isOpen = false
  }

  private async produce(partitions: readonly PartitionRecords[]): Promise<void> {
    const leaders = new Map<string, PartitionRecords[]>()
    for (const each of partitions) {
      const [leader] = Object.keys(this.cluster.findLeaderForPartitions(each.topic, [each.partition]))
      if (leader === undefined) throw new UnacknowledgedError([nameOf(each)])
      leaders.set(leader, [...(leaders.get(leader) ?? []), each])
    }
    const sent = await Promise.allSettled([...leaders].map(([nodeId, led]) => this.produceTo(nodeId, led)))
    for (const each of sent) if (each.status === 'rejected') throw each.reason
  }

  private async produceTo(nodeId: string, partitions: readonly PartitionRecords[]): Promise<void> {
    const broker = await this.cluster.findBroker({ nodeId })
    const topics = [...new Set(partitions.map(({ topic }) => topic))]
    const topicData = topics.map((topic): ProducedTopic => ({
      topic,
      partitions: partitions
        .filter((each) => each.topic === topic)
        .map((each) => ({
          partition: each.partition,
          firstSequence: this.sequences.get(nameOf(each)) ?? 0,
          messages: each.messages,
        })),
    }))
    const request = { ...this.producer, acks: -1, timeout: replicationTimeoutMs, topicData }
    const { topics: answers } = await broker.produce(request)
    const acknowledged = new Set(
      answers.flatMap(({ topicName, partitions: answered }) =>
        answered.filter(({ errorCode }) => errorCode === 0).map(({ partition }) => `${topicName}/${partition}`),
      ),
    )
    const missing = partitions.map(nameOf).filter((name) => !acknowledged.has(name))
    if (missing.length > 0) throw new UnacknowledgedError(missing)
    // Numbers are 32 bits long and begin again at 0.
    for (const each of partitions)
      this.sequences.set(nameOf(each), ((this.sequences.get(nameOf(each)) ?? 0) + each.messages.length) % 2 ** 31)
  }
}

interface PartitionRecords {
  readonly topic: string
  readonly partition: number
  readonly messages: object[]
}

const nameOf = ({ topic, partition }: Pick<PartitionRecords, 'topic' | 'partition'>) => `${topic}/${partition}`

function byPartition(records: readonly RawKafkaRecord[]): PartitionRecords[] {
  const partitions = new Map<string, PartitionRecords>()
  for (const { topic, partition, key, value, headers } of records) {
    const name = nameOf({ topic, partition })
    const found = partitions.get(name) ?? { topic, partition, messages: [] }
    found.messages.push({ key, value, headers })
    partitions.set(name, found)
  }
  return [...partitions.values()]
}

function coordinatorOf(cluster: Cluster, transactionalId: string): Promise<Broker> {
  return cluster.findGroupCoordinator({ groupId: transactionalId, coordinatorType: transactionCoordinator })
}

/** Asks again while the answer is that something else has to end first, or that another broker is to be asked. */
async function askCoordinator<T>(
  cluster: Cluster,
  transactionalId: string,
  ask: (coordinator: Broker) => Promise<T>,
): Promise<T> {
  const deadline = performance.now() + patienceMs
  for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 2, 200)) {
    try {
      return await ask(await coordinatorOf(cluster, transactionalId))
    } catch (error) {
      const { type } = error as { readonly type?: string }
      if (!passing.has(type) || performance.now() > deadline) throw error
      await sleep(pauseMs)
    }
  }
}
