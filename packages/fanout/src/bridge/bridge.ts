import {
  failpoint,
  silentLogger,
  type CheckpointPlace,
  type EventStore,
  type Logger,
  type Operable,
  type RecordedEvent,
  type Subscription,
  type SubscriptionBatch,
} from '@tidemark/eventstore'
import { checkpointNameOf, listBridges, type BridgeStatus } from './bridge-status.js'
import type { BridgeDefinition } from './define-bridge.js'
import {
  BatchTooLargeError,
  BridgeConfigurationError,
  EventNotPublishableError,
  PartitionCountChangedError,
} from '../errors.js'
import type { KafkaProducerPort, TopicSettings } from '../kafka-producer-port.js'
import { isWanted, recordOfEvent, topicOfEvent, type EventRecord } from './record-of-event.js'
import { sendGroups } from './send-groups.js'
import { TopicPartitions } from './topic-partitions.js'
import { untilAborted } from '../until-aborted.js'

export interface RunBridgeOptions {
  /** Where the records go; the bridge connects it and leaves it to the caller to disconnect. */
  readonly producer: KafkaProducerPort
  /** How many events are in flight at most, and so are sent again at most after a crash; 500 unless said. */
  readonly batchSize?: number
  /** What the topics accept as `max.message.bytes`; 1,048,576 unless said. */
  readonly maxMessageBytes?: number
  /** Creates topics that are missing, like this; without it a missing topic is an error. */
  readonly createTopics?: TopicSettings
  /** How long another process waits before it takes over from one that died; 10,000 ms unless said. */
  readonly leaseMs?: number
  /** Who this is, for people. */
  readonly owner?: string
  /** How often Kafka is asked whether the topics still have their partitions; 30,000 ms unless said. */
  readonly partitionCheckIntervalMs?: number
  readonly logger?: Logger
}

/**
 * Makes a bridge that republishes the events of a store to Kafka; {@link Bridge.start} sets it going.
 *
 * One process at a time runs it, however many start it.
 *
 * @throws {BridgeConfigurationError} an option is unusable.
 *
 * @example
 * const bridge = createBridge(store, orders, { producer: createKafkaProducer({ brokers }) })
 * await bridge.start()
 */
export function createBridge(store: EventStore, definition: BridgeDefinition, options: RunBridgeOptions): Bridge {
  const { batchSize = 500, maxMessageBytes = 1_048_576 } = options
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new BridgeConfigurationError(`bridge "${definition.name}": batchSize is a whole number from 1`)
  }
  if (!(maxMessageBytes >= 1024)) {
    throw new BridgeConfigurationError(`bridge "${definition.name}": maxMessageBytes is at least 1024`)
  }
  return new Bridge(store, definition, options)
}

/**
 * A running bridge.
 *
 * Every event that matches is published at least once; within a partition the first occurrences of a key keep the order of its
 * stream. The checkpoint follows what Kafka has acknowledged, so a crash repeats records and never leaves one out.
 */
export class Bridge implements Operable {
  readonly kind = 'bridge'
  readonly name: string
  private readonly topics: TopicPartitions
  private readonly maxMessageBytes: number
  /** What goes to a partition at once; less than a message may have, once a broker took less than that. */
  private maxGroupBytes: number
  private readonly logger: Logger
  private readonly giveUp = new AbortController()
  private subscription: Subscription | undefined
  private published = 0
  /** Why it does not get on; gone with the next success. */
  private failure: Error | undefined
  private halted = false

  /** @internal Use {@link createBridge}. */
  constructor(
    private readonly store: EventStore,
    private readonly definition: BridgeDefinition,
    private readonly options: RunBridgeOptions,
  ) {
    this.name = definition.name
    this.maxMessageBytes = this.maxGroupBytes = options.maxMessageBytes ?? 1_048_576
    this.logger = options.logger ?? silentLogger
    const { producer, createTopics = definition.createTopics, partitionCheckIntervalMs = 30_000 } = options
    this.topics = new TopicPartitions(producer, createTopics, partitionCheckIntervalMs)
  }

  /**
   * Connects to Kafka, makes sure that the topics are there, and begins to publish; later failures are tried again without end.
   *
   * @throws {BrokerUnavailableError} no broker answers.
   * @throws {TopicMissingError} a topic does not exist, and the option `createTopics` is not given.
   */
  async start(): Promise<void> {
    if (this.subscription) return
    await this.options.producer.connect()
    await this.topics.learn(this.definition.topics)
    const { batchSize = 500, leaseMs, owner } = this.options
    this.subscription ??= this.store.subscribe({
      name: checkpointNameOf(this.name),
      filter: this.definition.filter,
      batchSize,
      ...(leaseMs === undefined ? {} : { leaseMs }),
      ...(owner === undefined ? {} : { owner }),
      handle: (batch) => this.handle(batch),
    })
  }

  /**
   * Lets the records in flight be acknowledged, for `timeoutMs` at most (8,000 ms unless said), and gives the lease back.
   *
   * A bridge that was stopped stays so: make a new one. Stop it before its producer, its store and its pool are closed.
   */
  async stop({ timeoutMs = 8000 }: { readonly timeoutMs?: number } = {}): Promise<void> {
    const timer = setTimeout(() => this.giveUp.abort(), timeoutMs)
    await this.subscription?.stop()
    clearTimeout(timer)
  }

  /** How it is getting on; `retrying` from the first failure to the next acknowledgement. */
  async status(): Promise<BridgeStatus> {
    const [stored] = await listBridges(this.store, [this.definition])
    if (!stored) throw new BridgeConfigurationError(`bridge "${this.name}" has no status`)
    const { subscription, failure, published } = this
    if (!subscription) return { ...stored, published }
    const alive = subscription.state === 'running' || subscription.state === 'retrying'
    const state = this.halted ? 'failed' : alive && failure ? 'retrying' : subscription.state
    return { ...stored, state, error: failure?.message ?? stored.error, published }
  }

  private async handle(batch: SubscriptionBatch): Promise<void> {
    try {
      await untilAborted(this.publish(batch), this.giveUp.signal)
      this.failure = undefined
    } catch (error) {
      this.failure = error instanceof Error ? error : new Error(String(error))
      this.topics.distrust()
      if (error instanceof EventNotPublishableError || error instanceof PartitionCountChangedError) this.halt(error)
      throw error
    }
  }

  /** Publishes in the order of the log, and moves the checkpoint behind each acknowledged group: the prefix has no hole. */
  private async publish({ events, to, checkpoint }: SubscriptionBatch): Promise<void> {
    const advance = async (place: CheckpointPlace) => {
      await checkpoint.advance(this.store.database.queryable, place)
      checkpoint.committed(place)
    }
    const { records, obstacle } = await this.recordsOf(events)
    if (records.length === 0 && !obstacle) return advance(to)
    let remaining = records.length
    for (const group of sendGroups(records, this.maxGroupBytes)) {
      await this.send(group)
      remaining -= group.length
      this.published += group.length
      const last = group.at(-1)?.event
      if (remaining === 0 && !obstacle) await advance(to)
      else if (last) await advance({ position: last.position, eventId: last.id, epoch: to.epoch })
    }
    if (obstacle) throw obstacle
  }

  /** The records of a batch, up to the first event that cannot be published: what comes after it must not overtake it. */
  private async recordsOf(
    events: readonly RecordedEvent[],
  ): Promise<{ readonly records: EventRecord[]; readonly obstacle: EventNotPublishableError | undefined }> {
    const records: EventRecord[] = []
    await this.topics.check()
    for (const event of events) {
      try {
        if (!isWanted(this.definition, event)) continue
        await this.topics.learn([topicOfEvent(this.definition, event)])
        const record = recordOfEvent(this.definition, event, {
          schema: this.store.database.schema,
          partitionCountOf: (topic) => this.topics.countOf(topic),
          maxMessageBytes: this.maxMessageBytes,
        })
        records.push(record)
      } catch (error) {
        if (error instanceof EventNotPublishableError) return { records, obstacle: error }
        throw error
      }
    }
    return { records, obstacle: undefined }
  }

  /** Sends one group and waits for it. Where the broker takes less than was assumed, this and all later groups are made smaller. */
  private async send(group: readonly EventRecord[]): Promise<void> {
    await failpoint?.('bridge.before-send')
    try {
      const records = group.map(({ record }) => record)
      await this.options.producer.send(records, { signal: this.giveUp.signal })
    } catch (error) {
      if (!(error instanceof BatchTooLargeError)) throw error
      const [only, second] = group
      if (only && !second) {
        const reason = `topic "${only.record.topic}" refuses its record of ${only.bytes} bytes: raise max.message.bytes of the topic, or store large payloads by reference`
        throw new EventNotPublishableError(only.event, { reason, bytes: only.bytes, cause: error })
      }
      this.maxGroupBytes = Math.ceil(this.maxGroupBytes / 2)
      this.logger.warn({ bridge: this.name, maxGroupBytes: this.maxGroupBytes }, 'the broker takes less at once')
      for (const smaller of sendGroups(group, this.maxGroupBytes)) await this.send(smaller)
      return
    }
    await failpoint?.('bridge.after-send')
  }

  /** Ends the subscription from within its own batch, so nobody waits for it here. */
  private halt(error: Error): void {
    this.halted = true
    this.logger.error({ err: error, bridge: this.name }, 'the bridge halted: what is said has to be put right first')
    void this.subscription?.stop()
  }
}
