import kafkajs, { type Admin, type Kafka } from 'kafkajs'
import { KafkaRefusedError, ProducerClosedError, SendAbortedError } from './errors.js'
import type { KafkaProducerPort, RawKafkaRecord, TailRecord, TopicSettings } from './kafka-producer-port.js'
import { KafkajsAdminConnection } from './kafkajs-admin.js'
import { checkBrokers, createKafkajsClient, type KafkaConnectionOptions } from './kafkajs-client.js'
import { isUnknownTopic, isUnreadable, translateKafkajsError } from './kafkajs-errors.js'
import { KafkajsSession } from './kafkajs-session.js'
import { readKafkajsTail } from './kafkajs-tail.js'
import { topicConfigOf } from './topic-settings.js'
import { untilAborted } from './until-aborted.js'

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

class KafkajsProducer implements KafkaProducerPort {
  private readonly kafka: Kafka
  private readonly brokers: readonly string[]
  private session: KafkajsSession | undefined
  private readonly admin: KafkajsAdminConnection
  private lane: Promise<unknown> = Promise.resolve()
  private closed = false

  constructor(options: KafkaConnectionOptions) {
    this.kafka = createKafkajsClient(options)
    this.brokers = options.brokers
    this.admin = new KafkajsAdminConnection(this.kafka, options.brokers)
  }

  async connect(): Promise<void> {
    await this.inTurn(() => this.usableSession())
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

  async createTopic(topic: string, settings: TopicSettings): Promise<void> {
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

  async send(records: readonly RawKafkaRecord[], { signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (records.length === 0) return
    await this.inTurn(async () => {
      if (signal?.aborted) throw new SendAbortedError()
      const session = await this.usableSession()
      await untilAborted(session.send(records), signal).finally(() => {
        if (!session.usable || signal?.aborted) this.discard(session)
      })
    })
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

  async disconnect(): Promise<void> {
    this.closed = true
    const { session } = this
    this.session = undefined
    await Promise.all([session?.close(), this.admin.close()])
  }

  /** kafkajs loses records of idempotent sends that overlap, so all sends of this producer form one lane. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.lane.then(work).catch((error: unknown) => {
      throw translateKafkajsError(error, this.brokers)
    })
    this.lane = turn.catch(() => undefined)
    return turn
  }

  private async usableSession(): Promise<KafkajsSession> {
    if (this.closed) throw new ProducerClosedError()
    if (this.session) return this.session
    const session = new KafkajsSession(this.kafka)
    await session.connect().catch(async (error: unknown) => {
      await session.close()
      throw error
    })
    if (this.closed) {
      await session.close()
      throw new ProducerClosedError()
    }
    return (this.session = session)
  }

  private discard(session: KafkajsSession): void {
    if (this.session === session) this.session = undefined
    void session.close()
  }

  private async withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    if (this.closed) throw new ProducerClosedError()
    return this.admin.use(work)
  }
}
