import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { CheckpointBalance, silentLogger, type EventStore, type Logger, type Operable } from '@tidemark/eventstore'
import { BridgeConfigurationError, isBrokerTrouble } from '../errors.js'
import type { KafkaProducerPort } from '../kafka-producer-port.js'
import { createBridgeMetrics, type BridgeMetrics } from '../telemetry/bridge-metrics.js'
import { arrangeLanes } from './arrange-lanes.js'
import { BridgeLane } from './bridge-lane.js'
import { checkSendOptions, createTopicPartitions, type SendOptions } from './bridge-options.js'
import { etaOf, listBridges, worstState, type BridgeStatus } from './bridge-status.js'
import type { BridgeDefinition } from './define-bridge.js'
import { lanesOf } from './lane-names.js'
import type { TopicPartitions } from './topic-partitions.js'
import { checkTransactional, prepareProgressTopic } from './transactional-lane.js'

export interface RunBridgeOptions extends Omit<SendOptions, 'producer'> {
  /**
   * Where the records go: a producer, which is connected, and left to the caller to disconnect; or a function that makes one for each lane, which the bridge
   * connects and disconnects. A bridge of several lanes takes the function: the sends of one producer wait for each other.
   */
  readonly producer: KafkaProducerPort | (() => KafkaProducerPort)
  /** How long another process waits before it takes over from one that died; 10,000 ms unless said. */
  readonly leaseMs?: number
  /** Who this is, for people; host and process unless said. */
  readonly owner?: string
  /** How often Kafka is asked whether the topics still have their partitions; 30,000 ms unless said. */
  readonly partitionCheckIntervalMs?: number
  /**
   * How many records of the end of each partition are read when the bridge takes over, so that what was published already is not published twice;
   * twice the batch size and 1,000 at least unless said. 0 reads nothing, for topics of very many partitions. A smaller batch than before must not make it less
   * than the batches before.
   */
  readonly readBack?: number
}

/**
 * Makes a bridge that republishes the events of a store to Kafka; {@link Bridge.start} sets it going.
 *
 * One process at a time runs it, however many start it; one with lanes is shared out among them, lane by lane.
 *
 * @throws {BridgeConfigurationError} an option is unusable.
 * @throws {TransactionsUnsupportedError} it is transactional, and the Kafka client is not.
 *
 * @example
 * const bridge = createBridge(store, orders, { producer: createKafkaProducer({ brokers }) })
 * await bridge.start()
 */
export function createBridge(store: EventStore, definition: BridgeDefinition, options: RunBridgeOptions): Bridge {
  const { name, lanes } = definition
  checkSendOptions(name, options)
  const { readBack = 0, leaseMs = 10_000, producer } = options
  const refuse = (what: string) => new BridgeConfigurationError(`bridge "${name}": ${what}`)
  if (!Number.isInteger(readBack) || readBack < 0) throw refuse('readBack is a whole number from 0')
  if (!(leaseMs > 0)) throw refuse('leaseMs is above 0')
  if (lanes > 1 && typeof producer !== 'function')
    throw refuse(
      `it has ${lanes} lanes, which need a producer each: give a function that makes one, () => createKafkaProducer({ … })`,
    )
  return new Bridge(store, definition, options)
}

/**
 * A running bridge.
 *
 * Every event that matches is published at least once; within a partition the first occurrences of a key keep the order of its
 * stream. Checkpoints follow what Kafka has acknowledged, so a crash repeats records and never leaves one out.
 */
export class Bridge implements Operable {
  readonly kind = 'bridge'
  readonly name: string
  private readonly logger: Logger
  private readonly leaseMs: number
  private readonly owner: string
  /** Tells this one from others of the same owner. */
  private readonly sharer: string
  private readonly producers: readonly KafkaProducerPort[]
  private readonly topics: TopicPartitions
  private readonly balance: CheckpointBalance
  private readonly metrics: BridgeMetrics | undefined
  private readonly ending = new AbortController()
  private readonly giveUp = new AbortController()
  private lanes: readonly BridgeLane[] = []
  private arranging: Promise<void> | undefined
  /** Why its lanes could not be arranged. */
  private disarray: Error | undefined
  private published = 0

  /** @internal Use {@link createBridge}. */
  constructor(
    private readonly store: EventStore,
    private readonly definition: BridgeDefinition,
    private readonly options: RunBridgeOptions,
  ) {
    const { producer, logger = silentLogger, leaseMs = 10_000, partitionCheckIntervalMs = 30_000 } = options
    this.name = definition.name
    this.logger = logger
    this.leaseMs = leaseMs
    this.owner = options.owner ?? `${hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`
    this.sharer = options.owner === undefined ? this.owner : `${this.owner}/${randomUUID().slice(0, 8)}`
    const [first, ...others] = lanesOf(definition.lanes).map(() =>
      typeof producer === 'function' ? producer() : producer,
    )
    if (!first) throw new BridgeConfigurationError(`bridge "${this.name}" has no lane`)
    this.producers = [first, ...others]
    if (definition.progressTopic !== undefined) checkTransactional(this.name, first)
    this.topics = createTopicPartitions(first, definition, { ...options, checkIntervalMs: partitionCheckIntervalMs })
    this.balance = new CheckpointBalance(() => this.lanes, leaseMs)
    const { schema } = store.database
    this.metrics = createBridgeMetrics({ schema, bridge: this.name }, () => this.status())
  }

  /**
   * Connects to Kafka, makes sure that the topics are there, and begins to publish; later failures are tried again without end.
   *
   * @throws {BrokerUnavailableError} no broker answers.
   * @throws {TopicMissingError} a topic does not exist, and the option `createTopics` is not given.
   * @throws {FanoutError} its serializer could not be made ready.
   * @throws {BridgeConfigurationError} it publishes in transactions, and cannot do so as it is.
   */
  async start(): Promise<void> {
    if (this.arranging) return
    await this.producers[0]?.connect()
    await this.topics.learn(this.definition.topics)
    await this.prepareProgress()
    await this.options.serializer?.prepare(this.definition)
    if (this.arranging) return
    const isArranged = this.arrange()
    this.arranging = this.keepArranged(isArranged)
    await isArranged
    if (this.disarray instanceof BridgeConfigurationError) {
      this.ending.abort()
      throw this.disarray
    }
    if (this.ending.signal.aborted) return
    this.lanes = this.createLanes()
    this.metrics?.open()
    if (this.lanes.length === 1) return
    await this.store.leases.share({
      ...{ owner: this.sharer, checkpoints: this.balance.wanted, leaseMs: this.leaseMs },
      onOthers: (others) => this.balance.rebalance(others),
    })
  }

  private async prepareProgress(): Promise<void> {
    const { progressTopic: topic } = this.definition
    const [producer] = this.producers
    if (topic === undefined || !producer) return
    const { createTopics = this.definition.createTopics } = this.options
    await prepareProgressTopic(producer, this.definition, { topic, createTopics })
  }

  private createLanes(): BridgeLane[] {
    const { logger, leaseMs, owner, topics } = this
    return this.producers.map(
      (producer, index) =>
        new BridgeLane(this.store, this.definition, {
          ...{
            ...this.options,
            lane: { index, count: this.producers.length },
            producer,
            topics,
            owner,
            leaseMs,
            logger,
          },
          ...{ giveUp: this.giveUp.signal, ending: this.ending.signal },
          mayTake: (checkpoint, waitedMs) => this.balance.mayTake(checkpoint, waitedMs),
          onSent: (sent) => this.onSent(sent),
        }),
    )
  }

  /** Makes the lanes' checkpoints, and says whether they are there now: only then can a lane take its own. */
  private async arrange(): Promise<boolean> {
    try {
      await arrangeLanes(this.store, this.definition, this.logger)
      this.disarray = undefined
    } catch (error) {
      const isNew = this.disarray === undefined
      this.disarray = error instanceof Error ? error : new Error(String(error))
      if (isNew) this.logger.warn({ err: error, bridge: this.name }, 'the lanes of a bridge could not be arranged yet')
    }
    return this.disarray === undefined
  }

  /** Another process may replace the checkpoints while this one does not keep its leases. */
  private async keepArranged(first: Promise<boolean>): Promise<void> {
    const { signal } = this.ending
    for (let isArranged = await first; !signal.aborted; isArranged = await this.arrange()) {
      const pauseMs = isArranged ? this.leaseMs : Math.min(this.leaseMs / 4, 1000)
      await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => undefined)
      if (signal.aborted) return
    }
  }

  /**
   * Lets the records in flight be acknowledged, for `timeoutMs` at most (8,000 ms unless said), and gives the leases back.
   *
   * A bridge that was stopped stays so: make a new one. Stop it before its producer, its store and its pool are closed.
   */
  async stop({ timeoutMs = 8000 }: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.ending.abort()
    this.metrics?.close()
    const timer = setTimeout(() => this.giveUp.abort(), timeoutMs)
    await this.arranging
    await this.store.leases.leave(this.sharer)
    await Promise.all(this.lanes.map((lane) => lane.stop()))
    clearTimeout(timer)
    if (typeof this.options.producer === 'function')
      await Promise.all(this.producers.map((producer) => producer.disconnect()))
  }

  /** How it is getting on; `retrying` from the first failure to the next acknowledgement. */
  async status(): Promise<BridgeStatus> {
    // Before the positions are read, so that one that has failed is shown where it stands.
    const here = this.lanes.map(({ checkpoint, state }) => ({ checkpoint, state }))
    const trying = this.lanes.find(({ failure, state }) => failure && state !== 'waiting-for-lease')
    const failure = this.disarray ?? trying?.failure
    const [stored] = await listBridges(this.store, [this.definition])
    if (!stored) throw new BridgeConfigurationError(`bridge "${this.name}" has no status`)
    const { published } = this
    if (here.length === 0 || stored.state === 'paused')
      return { ...stored, published, error: this.disarray?.message ?? stored.error }
    const rates = this.lanes.flatMap(({ meter }) => meter.perSecond() ?? [])
    const eventsPerSecond = rates.length > 0 ? Math.min(...rates) : undefined
    const durations = this.lanes.flatMap(({ meter }) => meter.acknowledgedInMs ?? [])
    return {
      ...{ ...stored, state: stateOf(here, stored), published, eventsPerSecond },
      error: failure?.message ?? stored.error,
      etaMs: eventsPerSecond === undefined ? undefined : etaOf(stored.lag, eventsPerSecond),
      stall: isBrokerTrouble(failure) ? { reason: 'broker', error: failure.message } : stored.stall,
      acknowledgedInMs: durations.length > 0 ? Math.max(...durations) : undefined,
    }
  }

  private onSent(sent: { readonly records: number; readonly durationMs: number } | 'failed'): void {
    if (sent === 'failed') return this.metrics?.failed()
    this.published += sent.records
    this.metrics?.acknowledged(sent.records, sent.durationMs)
  }
}

/** The lanes that this process has are as they are here, the others as their owners left word. */
function stateOf(
  here: readonly Pick<BridgeLane, 'checkpoint' | 'state'>[],
  stored: BridgeStatus,
): BridgeStatus['state'] {
  const states = here.map(({ checkpoint, state }): BridgeStatus['state'] => {
    const elsewhere = stored.lanes.find((lane) => lane.checkpoint === checkpoint)
    if (state !== 'waiting-for-lease' || elsewhere?.owner === undefined || here.length === 1) return state
    return elsewhere.state
  })
  return worstState(states)
}
