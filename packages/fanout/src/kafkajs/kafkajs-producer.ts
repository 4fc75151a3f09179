import kafkajs, { type Admin, type Kafka } from 'kafkajs'
import { KafkaRefusedError, ProducerClosedError } from '../errors.js'
import type {
  KafkaProducerPort,
  KafkaTransactions,
  NewTopic,
  RawKafkaRecord,
  TailRecord,
} from '../kafka-producer-port.js'
import { ClientSockets } from './client-sockets.js'
import { KafkajsAdminConnection } from './kafkajs-admin.js'
import { checkBrokers, type KafkaConnectionOptions } from '../kafka-connection.js'
import { createKafkajsClient } from './kafkajs-client.js'
import { isUnknownTopic, isUnreadable, translateKafkajsError } from './kafkajs-errors.js'
import { KafkajsSession } from './kafkajs-session.js'
import { readKafkajsTail, readLastCommitted } from './kafkajs-tail.js'
import { openKafkajsTransactions } from './kafkajs-transactions.js'
import { SendLane } from '../send-lane.js'
import { topicConfigOf } from '../topic-settings.js'

/**
 * A producer that publishes to Kafka by kafkajs: idempotent, acknowledged by all in-sync replicas, one send at a time.
 *
 * Nothing is connected yet. Give each bridge a producer of its own, so that one bridge's topic delays no other, and disconnect it
 * after the bridge has stopped.
 *
 * @throws {BridgeConfigurationError} there is no broker to connect to.
 *
 * @example
 * const producer = createKafkaProducer({ brokers: ['127.0.0.1:9092'] })
 * await producer.connect()
 */
export function createKafkaProducer(options: KafkaConnectionOptions): KafkaProducerPort {
  checkBrokers(options.brokers)
  return new KafkajsProducer(options)
}

/** How long brokers may take to say goodbye. */
const goodbyeMs = 1000

class KafkajsProducer implements KafkaProducerPort {
  private readonly sockets = new ClientSockets()
  private readonly kafka: Kafka
  private readonly brokers: readonly string[]
  private readonly admin: KafkajsAdminConnection
  private readonly lane: SendLane
  private closed = false

  constructor(options: KafkaConnectionOptions) {
    this.kafka = createKafkajsClient(options, this.sockets)
    this.brokers = options.brokers
    this.admin = new KafkajsAdminConnection(this.kafka, options.brokers)
    this.lane = new SendLane(
      () => new KafkajsSession(this.kafka),
      (error) => translateKafkajsError(error, this.brokers),
    )
  }

  connect(): Promise<void> {
    return this.lane.connect()
  }

  async partitionCount(topic: string): Promise<number | undefined> {
    return this.withAdmin(async (admin) => {
      try {
        const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
        return topics.find(({ name }) => name === topic)?.partitions.length
      } catch (error) {
        if (isUnknownTopic(error)) return undefined
        throw error
      }
    })
  }

  async createTopic(topic: string, settings: NewTopic): Promise<void> {
    const { partitions, replicationFactor } = settings
    const configEntries = Object.entries(topicConfigOf(settings)).map(([name, value]) => ({ name, value }))
    const wanted = { topic, numPartitions: partitions, replicationFactor, configEntries }
    await this.withAdmin(async (admin) => {
      try {
        await admin.createTopics({ topics: [wanted], waitForLeaders: true })
      } catch (error) {
        // It is created, and the broker that was asked for its leaders has not heard of it yet.
        if (!isUnknownTopic(error)) throw error
      }
    })
  }

  async isCompacted(topic: string): Promise<boolean | undefined> {
    try {
      return await this.withAdmin(async (admin) => {
        const asked = { type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames: ['cleanup.policy'] }
        const { resources } = await admin.describeConfigs({ resources: [asked], includeSynonyms: false })
        return resources[0]?.configEntries.some(({ configValue }) => configValue.includes('compact'))
      })
    } catch (error) {
      // Who may write to a topic may not always look at its settings, and a broker may not have heard of a new one.
      if (isUnknownTopic(error) || (error instanceof KafkaRefusedError && !error.retryable)) return undefined
      throw error
    }
  }

  send(records: readonly RawKafkaRecord[], { signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.lane.send(records, signal)
  }

  async readTail(
    topic: string,
    partitions: readonly number[],
    count: number,
  ): Promise<readonly TailRecord[] | undefined> {
    if (this.closed) throw new ProducerClosedError()
    try {
      return await readKafkajsTail(this.kafka, topic, partitions, count)
    } catch (error) {
      if (isUnreadable(error)) return undefined
      throw translateKafkajsError(error, this.brokers)
    }
  }

  async openTransactions(transactionalId: string): Promise<KafkaTransactions> {
    if (this.closed) throw new ProducerClosedError()
    return openKafkajsTransactions(this.kafka, transactionalId, (error) => translateKafkajsError(error, this.brokers))
  }

  async readLastCommitted(topic: string, partition: number): Promise<Buffer | undefined> {
    if (this.closed) throw new ProducerClosedError()
    try {
      return await readLastCommitted(this.kafka, topic, partition)
    } catch (error) {
      throw translateKafkajsError(error, this.brokers)
    }
  }

  async disconnect(): Promise<void> {
    this.closed = true
    await this.sockets.closeAfter(Promise.all([this.lane.close(), this.admin.close()]), goodbyeMs)
  }

  private async withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    if (this.closed) throw new ProducerClosedError()
    return this.admin.use(work)
  }
}
