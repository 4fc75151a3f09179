import { setTimeout as sleep } from 'node:timers/promises'
import {
  inTransaction,
  on,
  silentLogger,
  type Checkpoint,
  type CheckpointPlace,
  type EventStore,
  type Logger,
  type Operable,
  type Subscription,
  type SubscriptionBatch,
} from '@tidemark/eventstore'
import {
  BridgeConfigurationError,
  EventNotPublishableError,
  FanoutError,
  PartitionCountChangedError,
} from '../errors.js'
import { insertParked, selectWaiting, type SetAside } from '../sql/parked-record-statements.js'
import { createBridgeMetrics, type BridgeMetrics } from '../telemetry/bridge-metrics.js'
import { untilAborted } from '../until-aborted.js'
import { checkSendOptions, createSendingParts, type SendingParts, type SendOptions } from './bridge-options.js'
import { checkpointNameOf, etaOf, listBridges, type BridgeStatus } from './bridge-status.js'
import type { BridgeDefinition } from './define-bridge.js'
import { planRecords } from './plan-records.js'
import { ReadBack } from './read-back.js'
import { SendMeter } from './send-meter.js'
import { isTopicTrouble } from './topic-partitions.js'
import { WaitingKeys } from './waiting-keys.js'

export interface RunBridgeOptions extends SendOptions {
  /** How long another process waits before it takes over from one that died; 10,000 ms unless said. */
  readonly leaseMs?: number
  /** Who this is, for people. */
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
 * One process at a time runs it, however many start it.
 *
 * @throws {BridgeConfigurationError} an option is unusable.
 *
 * @example
 * const bridge = createBridge(store, orders, { producer: createKafkaProducer({ brokers }) })
 * await bridge.start()
 */
export function createBridge(store: EventStore, definition: BridgeDefinition, options: RunBridgeOptions): Bridge {
  checkSendOptions(definition.name, options)
  const { readBack = 0 } = options
  if (!Number.isInteger(readBack) || readBack < 0)
    throw new BridgeConfigurationError(`bridge "${definition.name}": readBack is a whole number from 0`)
  return new Bridge(store, definition, options)
}

/** What the owner of a checkpoint learned when it took it: before, anybody else may have changed it. */
interface Known {
  readonly checkpoint: Checkpoint
  readonly waiting: WaitingKeys
  readonly readBack: ReadBack
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
  private readonly parts: SendingParts
  private readonly logger: Logger
  private readonly meter = new SendMeter()
  private readonly metrics: BridgeMetrics | undefined
  private readonly ending = new AbortController()
  private readonly giveUp = new AbortController()
  private subscription: Subscription | undefined
  private known: Known | undefined
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
    this.logger = options.logger ?? silentLogger
    this.parts = createSendingParts(store, definition, {
      ...options,
      signal: this.giveUp.signal,
      checkIntervalMs: options.partitionCheckIntervalMs ?? 30_000,
      onSent: (sent) => this.onSent(sent),
    })
    const { schema } = store.database
    this.metrics = createBridgeMetrics({ schema, bridge: this.name }, () => this.status())
  }

  /**
   * Connects to Kafka, makes sure that the topics are there, and begins to publish; later failures are tried again without end.
   *
   * @throws {BrokerUnavailableError} no broker answers.
   * @throws {TopicMissingError} a topic does not exist, and the option `createTopics` is not given.
   * @throws {FanoutError} its serializer could not be made ready.
   */
  async start(): Promise<void> {
    if (this.subscription) return
    await this.options.producer.connect()
    await this.parts.topics.learn(this.definition.topics)
    await this.options.serializer?.prepare(this.definition)
    if (this.subscription) return
    this.subscription = this.subscribe()
    this.metrics?.open()
  }

  private subscribe(): Subscription {
    const { batchSize = 500, leaseMs, owner } = this.options
    return this.store.subscribe({
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
    this.ending.abort()
    this.metrics?.close()
    const timer = setTimeout(() => this.giveUp.abort(), timeoutMs)
    await this.subscription?.stop()
    clearTimeout(timer)
  }

  /** How it is getting on; `retrying` from the first failure to the next acknowledgement. */
  async status(): Promise<BridgeStatus> {
    const [stored] = await listBridges(this.store, [this.definition])
    if (!stored) throw new BridgeConfigurationError(`bridge "${this.name}" has no status`)
    const { subscription, failure, published } = this
    if (!subscription || stored.state === 'paused') return { ...stored, published }
    const alive = subscription.state === 'running' || subscription.state === 'retrying'
    const state = this.halted ? 'failed' : alive && failure ? 'retrying' : subscription.state
    const eventsPerSecond = this.meter.perSecond()
    return {
      ...{ ...stored, state, published, eventsPerSecond },
      error: failure?.message ?? stored.error,
      etaMs: eventsPerSecond === undefined ? undefined : etaOf(stored.lag, eventsPerSecond),
      stall:
        failure instanceof FanoutError && failure.retryable
          ? { reason: 'broker', error: failure.message }
          : stored.stall,
      acknowledgedInMs: this.meter.acknowledgedInMs,
    }
  }

  private onSent(sent: { readonly records: number; readonly durationMs: number } | 'failed'): void {
    if (sent === 'failed') return this.metrics?.failed()
    this.published += sent.records
    this.meter.acknowledged(sent.durationMs)
    this.metrics?.acknowledged(sent.records, sent.durationMs)
  }

  private async handle(batch: SubscriptionBatch): Promise<void> {
    try {
      await untilAborted(this.publish(batch), this.giveUp.signal)
      this.failure = undefined
    } catch (error) {
      this.failure = error instanceof Error ? error : new Error(String(error))
      this.known = undefined
      this.parts.topics.distrust()
      if (!isTopicTrouble(error)) this.parts.topics.forgive()
      if (error instanceof EventNotPublishableError || error instanceof PartitionCountChangedError) this.halt(error)
      throw error
    }
  }

  /**
   * Publishes in the order of the log, and moves the checkpoint behind each acknowledged group: the prefix has no hole.
   *
   * What cannot be published is parked before anything is sent, so that it is known to whoever takes over from then on.
   */
  private async publish({ events, to, checkpoint }: SubscriptionBatch): Promise<void> {
    const { context, topics, sender } = this.parts
    const { waiting, readBack } = await this.knownOf(checkpoint)
    await topics.check({ mayRefuse: this.definition.onUnpublishable === 'park' })
    for (;;) {
      const left = events.filter(({ position }) => position > checkpoint.place.position)
      const { records, setAside, obstacle } = await planRecords(context, left, waiting)
      if (setAside.length > 0) await this.park(checkpoint, setAside)
      const unsent = await readBack.unsent(records)
      const again = await sender.send(unsent, async (group) => {
        const last = group.at(-1)?.event
        if (last) await this.advance(checkpoint, { position: last.position, eventId: last.id, epoch: to.epoch })
      })
      if (!again) {
        if (obstacle) throw obstacle
        return this.advance(checkpoint, to)
      }
      if (again.refused) await this.setAsideRefused(checkpoint, waiting, { events, error: again.refused })
    }
  }

  private async advance(checkpoint: Checkpoint, place: CheckpointPlace): Promise<void> {
    await checkpoint.advance(this.store.database.queryable, place)
    checkpoint.committed(place)
    this.meter.reached(place.position)
  }

  /** What a broker refused is parked before the rest is planned anew, which then waits for it. */
  private async setAsideRefused(
    checkpoint: Checkpoint,
    waiting: WaitingKeys,
    { events, error }: { readonly events: SubscriptionBatch['events']; readonly error: EventNotPublishableError },
  ): Promise<void> {
    const event = events.find(({ position }) => position === error.position)
    if (!event || this.definition.onUnpublishable === 'halt') throw error
    await this.park(checkpoint, [{ event, key: error.key, error }])
    waiting.add(event, error.key)
  }

  /** Parks events where the checkpoint is still ours and where it was: one that lost it parks nothing. */
  private async park(checkpoint: Checkpoint, setAside: readonly SetAside[]): Promise<void> {
    await inTransaction(this.store.pool, async (client) => {
      await checkpoint.advance(client, checkpoint.place)
      await insertParked(on(this.store.database, client), this.name, setAside)
    })
    for (const { event, key, error } of setAside) {
      if (!error) continue
      this.logger.error({ err: error, bridge: this.name, key, event: event.id }, 'an event was parked with its key')
    }
  }

  private async knownOf(checkpoint: Checkpoint): Promise<Known> {
    if (this.known?.checkpoint !== checkpoint) {
      const waiting = new WaitingKeys(await selectWaiting(this.store.database, this.name))
      const { producer, batchSize = 500, readBack: count = Math.max(2 * batchSize, 1000) } = this.options
      const readBack = new ReadBack({ bridge: this.name, producer, count, logger: this.logger })
      this.known = { checkpoint, waiting, readBack }
    }
    return this.known
  }

  /** Ends the subscription from within its own batch, so nobody waits for it here; it begins anew once somebody resumes the bridge. */
  private halt(error: Error): void {
    this.halted = true
    this.logger.error({ err: error, bridge: this.name }, 'the bridge halted: what is said has to be put right first')
    void this.subscription
      ?.stop()
      .then(() => this.resumed())
      .catch(() => undefined)
  }

  private async resumed(): Promise<void> {
    for (;;) {
      await sleep(1000, undefined, { signal: this.ending.signal, ref: false })
      const [stored] = await listBridges(this.store, [this.definition]).catch(() => [])
      if (stored && stored.error === undefined) break
    }
    if (this.ending.signal.aborted) return
    this.halted = false
    this.failure = undefined
    this.parts.topics.forget()
    this.subscription = this.subscribe()
  }
}
