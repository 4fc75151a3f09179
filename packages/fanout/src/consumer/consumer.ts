import { silentLogger, type Logger } from '@tidemark/eventstore'
import { setTimeout as sleep } from 'node:timers/promises'
import { TopicMissingError } from '../errors.js'
import type { KafkaProducerPort } from '../kafka-producer-port.js'
import type { KafkaConnectionOptions } from '../kafka-connection.js'
import { createKafkaProducer } from '../kafkajs/kafkajs-producer.js'
import { showConsumerMetrics, type ConsumerMetrics } from '../telemetry/consumer-metrics.js'
import { BatchRunner, type ConsumerCounts } from './batch-runner.js'
import { readConsumerLag } from './consumer-lag.js'
import { DeadLetters } from './dead-letters.js'
import type { ConsumerDefinition } from './define-consumer.js'
import { ConsumerConfigurationError } from './errors.js'
import { EventTransactions } from './event-transactions.js'
import { databaseOf, pruneInbox, type ConsumerDatabase } from './inbox.js'
import type { KafkaConsumerPort } from './kafka-consumer-port.js'
import { createKafkaConsumer } from '../kafkajs/kafkajs-consumer.js'
import { deadLetterTopicsOf, topicsReadBy } from './retry-topics.js'

/** A client of your own instead of kafkajs. */
export interface KafkaPorts {
  readonly consumer: KafkaConsumerPort
  /** Sends to retry topics and dead-letter topics; left to the caller to disconnect. */
  readonly producer: KafkaProducerPort
}

export interface RunConsumerOptions {
  /** Where Kafka is, or ports to it. */
  readonly kafka: KafkaConnectionOptions | KafkaPorts
  /** Creates missing retry topics and dead-letter topics, with as many partitions as the original; without it they are an error. */
  readonly createTopics?: { readonly replicationFactor: number }
  /** After how long without a sign of life a member's partitions go to others; 30,000 ms unless said. */
  readonly sessionTimeoutMs?: number
  /** How long a handler may go on once its partition is taken away, before its transaction is undone; 10,000 ms unless said. */
  readonly handlerGraceMs?: number
  /** The schema of the inbox, where a pool was given; `tidemark` unless said. */
  readonly schema?: string
  readonly logger?: Logger
}

/** How a consumer is getting on in this process. */
export interface ConsumerStatus extends Readonly<ConsumerCounts> {
  readonly name: string
  readonly group: string
  readonly state: 'running' | 'retrying' | 'failed' | 'stopped'
  /** The partitions that this process has: `topic/partition`. */
  readonly partitions: readonly string[]
  /** Partitions that halted, and why. They go on once the cause is put right and the consumer is started again. */
  readonly halted: readonly { readonly partition: string; readonly error: Error }[]
  /** Why reading broke; undefined while it works. */
  readonly error: string | undefined
}

const pruneIntervalMs = 3_600_000

/**
 * Makes a consumer; {@link Consumer.start} sets it going. Start it in as many processes as you like: Kafka shares the partitions out.
 *
 * @param storeOrPool the database of the handlers and of the inbox; the pool should have more connections than `concurrency`.
 *
 * @throws {ConsumerConfigurationError} an option is unusable.
 *
 * @example
 * const consumer = createConsumer(store, notifications, { kafka: { brokers: ['127.0.0.1:9092'] } })
 * await consumer.start()
 */
export function createConsumer(
  storeOrPool: ConsumerDatabase,
  definition: ConsumerDefinition,
  options: RunConsumerOptions,
): Consumer {
  return new Consumer(storeOrPool, definition, options)
}

/** A consumer in this process. It can be started once. */
export class Consumer {
  readonly name: string
  private readonly reader: KafkaConsumerPort
  private readonly producer: KafkaProducerPort
  private readonly ownsProducer: boolean
  private readonly runner: BatchRunner
  private readonly logger: Logger
  private state: 'new' | 'running' | 'stopped' = 'new'
  private partitions: readonly string[] = []
  private trouble: Error | undefined
  private pruning: NodeJS.Timeout | undefined
  private metrics: ConsumerMetrics | undefined

  /** @internal Use {@link createConsumer}. */
  constructor(
    private readonly storeOrPool: ConsumerDatabase,
    private readonly definition: ConsumerDefinition,
    private readonly options: RunConsumerOptions,
  ) {
    const { kafka, schema, handlerGraceMs = 10_000, logger = silentLogger } = options
    this.name = definition.name
    this.logger = logger
    this.ownsProducer = !('producer' in kafka)
    this.reader = 'producer' in kafka ? kafka.consumer : createKafkaConsumer({ logger, ...kafka })
    this.producer = 'producer' in kafka ? kafka.producer : createKafkaProducer({ logger, ...kafka })
    const { pool, database } = databaseOf(storeOrPool, schema)
    const transactions = new EventTransactions(definition, pool, database, handlerGraceMs)
    const deadLetters = new DeadLetters(definition, this.producer, database, logger)
    this.runner = new BatchRunner(definition, transactions, deadLetters, logger)
  }

  /**
   * Joins the group and begins to handle records; resolves when partitions were shared out.
   *
   * @throws {BrokerUnavailableError} no broker answers. @throws {TopicMissingError} a topic does not exist.
   * @throws {ConsumerConfigurationError} it was started before, or a dead-letter topic has too few partitions.
   */
  async start(): Promise<void> {
    if (this.state !== 'new') throw new ConsumerConfigurationError(this.name, 'it was started before: create another')
    this.state = 'running'
    try {
      await this.checkTopics()
      await this.reader.run({
        group: this.definition.group,
        topics: topicsReadBy(this.definition),
        from: this.definition.from,
        partitionsAtOnce: this.definition.concurrency,
        sessionTimeoutMs: this.options.sessionTimeoutMs ?? 30_000,
        handle: (batch, control) => {
          this.trouble = undefined
          return this.runner.run(batch, control)
        },
        onAssigned: (partitions) => {
          this.trouble = undefined
          this.partitions = Object.entries(partitions).flatMap(([topic, list]) =>
            list.map((each) => `${topic}/${each}`),
          )
          this.runner.assigned(partitions)
        },
        onTrouble: (error) => {
          this.trouble = error
          this.logger.warn({ consumer: this.name, err: error }, 'reading broke; tried again')
        },
      })
    } catch (error) {
      await this.stop()
      throw error
    }
    const { kafka } = this.options
    this.metrics = showConsumerMetrics(
      this.name,
      () => this.status(),
      'producer' in kafka ? undefined : async () => (await readConsumerLag(kafka, [this.definition]))[0],
    )
    this.prune()
    this.pruning = setInterval(() => this.prune(), pruneIntervalMs)
    this.pruning.unref()
  }

  /** Begins no more records, waits for those at work, commits their offsets and leaves the group, so that others go on at once. */
  async stop(): Promise<void> {
    if (this.state === 'stopped') return
    this.state = 'stopped'
    clearInterval(this.pruning)
    this.metrics?.close()
    await this.reader.stop()
    if (this.ownsProducer) await this.producer.disconnect()
    this.partitions = []
  }

  /** How it is getting on in this process; {@link readConsumerLag} tells how far the group is. */
  status(): ConsumerStatus {
    const halted = this.runner.halted()
    const { trouble, partitions, name, definition } = this
    const state =
      this.state !== 'running' ? 'stopped' : halted.length > 0 ? 'failed' : trouble ? 'retrying' : ('running' as const)
    return {
      ...{ name, group: definition.group, state, partitions, halted, error: trouble?.message },
      ...this.runner.counts,
    }
  }

  private prune(): void {
    const { schema } = this.options
    pruneInbox(this.storeOrPool, this.definition, schema === undefined ? {} : { schema }).catch((error: unknown) =>
      this.logger.warn({ consumer: this.name, err: error }, 'the inbox could not be pruned; tried again later'),
    )
  }

  /** A record keeps its partition in retry topics and among the dead letters, so these have at least as many. */
  private async checkTopics(): Promise<void> {
    const deadLetters = deadLetterTopicsOf(this.definition)
    for (const topic of this.definition.topics) {
      const partitions = await this.producer.partitionCount(topic)
      if (partitions === undefined) throw new TopicMissingError(topic)
      const read = topicsReadBy({ topics: [topic], retry: this.definition.retry })
      for (const own of [...read.slice(1), deadLetters.get(topic)]) {
        if (own === undefined) continue
        const count = await this.ensureTopic(own, partitions)
        if (count < partitions)
          throw new ConsumerConfigurationError(
            this.name,
            `topic "${own}" has ${count} partitions and "${topic}" has ${partitions}: records keep their partition, so give it as many`,
          )
      }
    }
  }

  private async ensureTopic(topic: string, partitions: number): Promise<number> {
    let count = await this.producer.partitionCount(topic)
    if (count !== undefined) return count
    const { createTopics } = this.options
    if (!createTopics) throw new TopicMissingError(topic)
    // A new topic is known to one broker first, and to the others some moments later: an error may mean no more than that.
    const refused = await this.producer.createTopic(topic, { partitions, ...createTopics }).then(
      () => new TopicMissingError(topic),
      (error: unknown) => error as Error,
    )
    const deadline = performance.now() + 5000
    while ((count = await this.producer.partitionCount(topic)) === undefined) {
      if (performance.now() > deadline) throw refused
      await sleep(100)
    }
    return count
  }
}
