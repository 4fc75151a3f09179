import { on, silentLogger, type FedReadModel, type FedTable, type Logger } from '@tidemark/eventstore'
import type { Admin } from 'kafkajs'
import { withAdmin } from '../consumer/consumer-admin.js'
import { ConsumerConfigurationError } from '../consumer/errors.js'
import { insertOffsets, selectOffsets, type StoredOffset } from '../consumer/sql/offset-statements.js'
import { TopicMissingError } from '../errors.js'
import type { KafkaConnectionOptions } from '../kafka-connection.js'
import { createKafkaConsumer } from '../kafkajs/kafkajs-consumer.js'
import type { KafkaConsumerPort } from '../consumer/kafka-consumer-port.js'
import { FeedRunner } from './feed-runner.js'
import { FeedTransactions } from './feed-transactions.js'

export interface ProjectionConsumerOptions {
  readonly kafka: KafkaConnectionOptions
  /** The consumer group, which is the read model's only feeder from the first start on. */
  readonly group: string
  /** The topics that bridges publish the events of its aggregate to, as they are stored. */
  readonly topics: readonly string[]
  /**
   * What a missing version of a stream means: `stop` halts its partition, for records were lost; `accept` goes on, for bridges that leave types out.
   * `stop` unless said.
   */
  readonly gaps?: 'stop' | 'accept'
  /** How many records a transaction has at most; 1,000 unless said. */
  readonly batchSize?: number
  /** How many partitions are handled at the same time, each with a connection of the pool; 4 unless said. */
  readonly partitionsAtOnce?: number
  /** After how long without a sign of life a member's partitions go to others; 30,000 ms unless said. */
  readonly sessionTimeoutMs?: number
  readonly logger?: Logger
}

/** How a read model is being fed by this process. */
export interface ProjectionConsumerStatus {
  readonly name: string
  readonly group: string
  readonly state: 'running' | 'retrying' | 'failed' | 'stopped'
  /** Events that were folded into rows. */
  readonly applied: number
  /** Events that were in the rows already. */
  readonly duplicates: number
  /** Records that were not for it. */
  readonly passed: number
  /** Tries that failed. */
  readonly failures: number
  /** The partitions that this process has: `topic/partition`. */
  readonly partitions: readonly string[]
  /** Partitions that halted, and why. They go on once the cause is put right and the consumer is started again. */
  readonly halted: readonly { readonly partition: string; readonly error: Error }[]
  /** Why reading broke; undefined while it works. */
  readonly error: string | undefined
}

/**
 * Makes a consumer that feeds a read model from Kafka: as many processes share its work as the topics have partitions.
 *
 * Rows, the offset of the partition and the versions of the streams move in one transaction, so each event is in the rows once, whatever Kafka, a bridge or
 * another member repeats. The first start takes the read model over from its projector at the head of the log, by which everything before is in the rows.
 *
 * @throws {ConsumerConfigurationError} an option is unusable.
 *
 * @example
 * const consumer = createProjectionConsumer(consumerFed(store, orderSummary), {
 *   kafka: { brokers: ['127.0.0.1:9092'] },
 *   group: 'order-summary',
 *   topics: ['shop.orders'],
 * })
 * await consumer.start()
 */
export function createProjectionConsumer(
  readModel: FedReadModel,
  options: ProjectionConsumerOptions,
): ProjectionConsumer {
  return new ProjectionConsumer(readModel, options)
}

/** A consumer that feeds a read model in this process. It can be started once. */
export class ProjectionConsumer {
  readonly name: string
  private readonly logger: Logger
  private readonly reader: KafkaConsumerPort
  private readonly runner: FeedRunner
  private readonly stopping = new AbortController()
  private state: 'new' | 'running' | 'stopped' = 'new'
  private partitions: readonly string[] = []
  private trouble: Error | undefined
  private table: FedTable | undefined
  private transactions: FeedTransactions | undefined
  private attaching: Promise<void> | undefined

  /** @internal Use {@link createProjectionConsumer}. */
  constructor(
    private readonly readModel: FedReadModel,
    private readonly options: ProjectionConsumerOptions,
  ) {
    const { kafka, group, topics, batchSize = 1000, partitionsAtOnce = 4, logger = silentLogger } = options
    this.name = readModel.name
    this.logger = logger
    if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/.test(group))
      throw this.refusal(`its group ${JSON.stringify(group)} is not usable: letters, digits, _, . and -, at most 100`)
    if (topics.length === 0) throw this.refusal('it has no topic')
    for (const [what, value] of Object.entries({ batchSize, partitionsAtOnce }))
      if (!Number.isSafeInteger(value) || value < 1)
        throw this.refusal(`${what} is a whole number from 1, got ${value}`)
    this.reader = createKafkaConsumer({ logger, ...kafka })
    const places = {
      feed: async (records: Parameters<FeedTransactions['feed']>[0]) =>
        (await this.attached()).transactions.feed(records),
      storedOffset: async (topic: string, partition: number) =>
        (await this.offsetsOf({ [topic]: [partition] })).get(`${topic}/${partition}`) ?? 0n,
      earliestOffset: (topic: string, partition: number) =>
        withAdmin(kafka, async (admin) => {
          const offsets = await admin.fetchTopicOffsets(topic)
          return BigInt(offsets.find((each) => each.partition === partition)?.low ?? 0)
        }),
      reattach: () => this.reattach(),
    }
    this.runner = new FeedRunner(this.name, places, batchSize, logger)
  }

  /**
   * Takes the read model over, unless its group has it already, joins the group and begins to feed; resolves when partitions were shared out.
   *
   * Taking over brings the rows to the head of the log first: rebuild a large read model before, which is faster.
   *
   * @throws {ConsumerConfigurationError} it was started before. @throws {TopicMissingError} a topic does not exist.
   * @throws {BrokerUnavailableError} no broker answers.
   * @throws {ProjectionFollowedError} a projector has the read model. @throws {ProjectionFedError} another group feeds it.
   * @throws {VersionNotLiveError} another version of the read model is live.
   */
  async start(): Promise<void> {
    if (this.state !== 'new') throw this.refusal('it was started before: create another')
    this.state = 'running'
    const { group, topics, partitionsAtOnce = 4, sessionTimeoutMs = 30_000 } = this.options
    try {
      await this.attach()
      await this.reader.run({
        ...{ group, topics, from: 'earliest', partitionsAtOnce, sessionTimeoutMs },
        startOffsets: async (assigned) => {
          const offsets = await this.offsetsOf(assigned)
          this.runner.assigned(offsets)
          return offsets
        },
        handle: (batch, control) => {
          this.trouble = undefined
          return this.runner.run(batch, control)
        },
        onAssigned: (assigned) => {
          this.trouble = undefined
          this.partitions = placesOf(assigned).map(({ topic, partition }) => `${topic}/${partition}`)
        },
        onTrouble: (error) => {
          this.trouble = error
          this.logger.warn({ projection: this.name, err: error }, 'reading broke; tried again')
        },
      })
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** Begins no more records, waits for those at work, commits their offsets and leaves the group, so that others go on at once. */
  async stop(): Promise<void> {
    if (this.state === 'stopped') return
    this.state = 'stopped'
    this.stopping.abort()
    await this.reader.stop()
    this.partitions = []
  }

  /** How it is getting on in this process. */
  status(): ProjectionConsumerStatus {
    const halted = this.runner.halted()
    const { name, partitions, trouble } = this
    const state =
      this.state !== 'running' ? 'stopped' : halted.length > 0 ? 'failed' : trouble ? 'retrying' : ('running' as const)
    return {
      name,
      group: this.options.group,
      state,
      ...this.runner.counts,
      partitions,
      halted,
      error: trouble?.message,
    }
  }

  private refusal(reason: string): ConsumerConfigurationError {
    return new ConsumerConfigurationError(this.name, reason)
  }

  /** All partitions of a member find out that a table was replaced; the first finds the new one. */
  private reattach(): Promise<void> {
    return (this.attaching ??= this.attach().finally(() => (this.attaching = undefined)))
  }

  private async attach(): Promise<void> {
    const { group, gaps = 'stop' } = this.options
    const table = await this.readModel.attach({
      feeder: group,
      signal: this.stopping.signal,
      begin: async () => {
        const ends = await this.ends()
        return (transaction, tableId) => insertOffsets(on(this.readModel.database, transaction), tableId, ends)
      },
    })
    this.table = table
    this.transactions = new FeedTransactions(this.readModel, table, gaps)
    this.logger.info({ projection: this.name, group, position: String(table.position) }, 'a read model is fed')
  }

  private async attached(): Promise<{ readonly table: FedTable; readonly transactions: FeedTransactions }> {
    await this.attaching
    const { table, transactions } = this
    if (!table || !transactions) throw this.refusal('it was not started')
    return { table, transactions }
  }

  /** Where the topics end now. */
  private ends(): Promise<readonly StoredOffset[]> {
    const { kafka, topics } = this.options
    return withAdmin(kafka, async (admin: Admin) => {
      const there = new Set(await admin.listTopics())
      const ends: StoredOffset[] = []
      for (const topic of topics) {
        if (!there.has(topic)) throw new TopicMissingError(topic)
        for (const { partition, high } of await admin.fetchTopicOffsets(topic))
          ends.push({ topic, partition, next: BigInt(high) })
      }
      return ends
    })
  }

  /** Where the read model is in partitions; at the beginning of those that are new. */
  private async offsetsOf(assigned: Readonly<Record<string, readonly number[]>>): Promise<ReadonlyMap<string, bigint>> {
    const { id } = (await this.attached()).table
    const { database } = this.readModel
    const places = placesOf(assigned)
    const stored = await selectOffsets(database, id)
    const offsets = new Map(stored.map(({ topic, partition, next }) => [`${topic}/${partition}`, next]))
    const added = places.filter(({ topic, partition }) => !offsets.has(`${topic}/${partition}`))
    if (added.length > 0) await insertOffsets(database, id, added)
    return new Map(
      places.map(({ topic, partition, next }) => [
        `${topic}/${partition}`,
        offsets.get(`${topic}/${partition}`) ?? next,
      ]),
    )
  }
}

function placesOf(assigned: Readonly<Record<string, readonly number[]>>): StoredOffset[] {
  return Object.entries(assigned).flatMap(([topic, list]) => list.map((partition) => ({ topic, partition, next: 0n })))
}
