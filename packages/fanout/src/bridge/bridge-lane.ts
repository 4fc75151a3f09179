import { setTimeout as sleep } from 'node:timers/promises'
import {
  inTransaction,
  on,
  type Checkpoint,
  type CheckpointPlace,
  type EventStore,
  type Logger,
  type Subscription,
  type SubscriptionBatch,
  type SubscriptionState,
} from '@tidemark/eventstore'
import { EventNotPublishableError, PartitionCountChangedError } from '../errors.js'
import type { KafkaProducerPort } from '../kafka-producer-port.js'
import { insertParked, selectWaiting, type SetAside } from '../sql/parked-record-statements.js'
import { untilAborted } from '../until-aborted.js'
import { createSendingParts, type SendingParts, type SendOptions } from './bridge-options.js'
import { listBridges } from './bridge-status.js'
import type { BridgeDefinition } from './define-bridge.js'
import { laneCheckpointOf, type Lane } from './lane-names.js'
import { planRecords } from './plan-records.js'
import { ReadBack } from './read-back.js'
import type { RecordSenderOptions } from './record-sender.js'
import { SendMeter } from './send-meter.js'
import { isTopicTrouble, type TopicPartitions } from './topic-partitions.js'
import { TransactionalLane } from './transactional-lane.js'
import { WaitingKeys } from './waiting-keys.js'

export interface BridgeLaneOptions extends Omit<SendOptions, 'producer'> {
  readonly lane: Lane
  readonly producer: KafkaProducerPort
  /** What the lanes of a process know together. */
  readonly topics: TopicPartitions
  readonly owner: string
  readonly leaseMs: number
  readonly readBack?: number
  readonly logger: Logger
  /** Gives up what is in flight. */
  readonly giveUp: AbortSignal
  /** Lets nothing that stopped begin again. */
  readonly ending: AbortSignal
  /** Whether it may take its checkpoint now, or leaves it to another process. */
  readonly mayTake: (checkpoint: string, waitedMs: number) => boolean
  readonly onSent: NonNullable<RecordSenderOptions['onSent']>
}

/** What the owner of a checkpoint learned when it took it: before, anybody else may have changed it. */
interface Known {
  readonly checkpoint: Checkpoint
  readonly waiting: WaitingKeys
  readonly readBack: ReadBack
  /** What comes up to here is published, or parked. */
  readonly publishedTo: bigint
}

/** Publishes the keys of one lane of a bridge, or all of them where it has one: a subscription whose checkpoint follows what Kafka has acknowledged. */
export class BridgeLane {
  readonly checkpoint: string
  readonly meter = new SendMeter()
  subscription: Subscription
  /** Why it does not get on; gone with the next success. */
  failure: Error | undefined
  private halted = false
  private known: Known | undefined
  private readonly parts: SendingParts
  private readonly transactional: TransactionalLane | undefined

  constructor(
    private readonly store: EventStore,
    private readonly definition: BridgeDefinition,
    private readonly options: BridgeLaneOptions,
  ) {
    this.checkpoint = laneCheckpointOf(definition.name, options.lane)
    this.parts = createSendingParts(store, definition, {
      ...{ ...options, signal: options.giveUp },
      onSent: (sent) => {
        if (sent !== 'failed') this.meter.acknowledged(sent.durationMs)
        options.onSent(sent)
      },
    })
    const { lane, producer, logger } = options
    const { name: bridge, progressTopic } = definition
    this.transactional =
      progressTopic === undefined
        ? undefined
        : new TransactionalLane({ store, bridge, lane, progressTopic, producer, logger })
    this.subscription = this.subscribe()
  }

  get lane(): Lane {
    return this.options.lane
  }

  /** What it does in this process. */
  get state(): SubscriptionState {
    const { state } = this.subscription
    if (this.halted) return 'failed'
    return this.failure && state === 'running' ? 'retrying' : state
  }

  /** Lets the records in flight be acknowledged, and gives the lease back. */
  async stop(): Promise<void> {
    await this.subscription.stop()
    // Nothing is open in it: a broker that says nothing need not be waited for.
    void this.transactional?.end()
  }

  private subscribe(): Subscription {
    const { batchSize = 500, leaseMs, owner, mayTake } = this.options
    return this.store.subscribe({
      name: this.checkpoint,
      // Made anew by a process that counts the lanes otherwise, it would begin at position 0.
      existing: true,
      filter: this.definition.filter,
      ...{ batchSize, leaseMs, owner },
      mayTake: (waitedMs) => mayTake(this.checkpoint, waitedMs),
      handle: (batch) => this.handle(batch),
    })
  }

  private async handle(batch: SubscriptionBatch): Promise<void> {
    try {
      await untilAborted(this.publish(batch), this.options.giveUp)
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
    await topics.check({ mayRefuse: this.definition.onUnpublishable === 'park' })
    for (;;) {
      const { waiting, readBack, publishedTo } = await this.knownOf(checkpoint)
      const { position: reached } = checkpoint.place
      const left = events.filter(({ position }) => position > reached && position > publishedTo)
      const { records, setAside, obstacle } = await planRecords(context, left, waiting, this.lane)
      if (setAside.length > 0) await this.park(checkpoint, setAside)
      const unsent = await readBack.unsent(records)
      const { transactional } = this
      const again = await sender.send(
        unsent,
        async (group) => {
          const last = group.at(-1)?.event
          if (last) await this.advance(checkpoint, { position: last.position, eventId: last.id, epoch: to.epoch })
        },
        transactional && ((group) => transactional.send(group, to.epoch, this.options.giveUp)),
      )
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
    const { name } = this.definition
    await inTransaction(this.store.pool, async (client) => {
      await checkpoint.advance(client, checkpoint.place)
      await insertParked(on(this.store.database, client), name, setAside)
    })
    for (const { event, key, error } of setAside) {
      if (!error) continue
      this.options.logger.error({ err: error, bridge: name, key, event: event.id }, 'an event was parked with its key')
    }
  }

  private async knownOf(checkpoint: Checkpoint): Promise<Known> {
    const { known, transactional, options } = this
    if (known?.checkpoint === checkpoint && transactional?.isReady !== false) return known
    const { name: bridge } = this.definition
    const { producer, logger, batchSize = 500, readBack = Math.max(2 * batchSize, 1000) } = options
    const publishedTo = transactional ? await transactional.begin(checkpoint) : checkpoint.place.position
    if (!transactional) await producer.connect()
    const waiting = new WaitingKeys(await selectWaiting(this.store.database, bridge))
    const count = transactional ? 0 : readBack
    return (this.known = {
      ...{ checkpoint, waiting, publishedTo },
      readBack: new ReadBack({ bridge, producer, count, logger }),
    })
  }

  /** Ends the subscription from within its own batch, so nobody waits for it here; it begins anew once somebody resumes the bridge. */
  private halt(error: Error): void {
    this.halted = true
    const fields = { err: error, bridge: this.definition.name, checkpoint: this.checkpoint }
    this.options.logger.error(fields, 'the bridge halted: what is said has to be put right first')
    void this.subscription
      .stop()
      .then(() => this.resumed())
      .catch(() => undefined)
  }

  private async resumed(): Promise<void> {
    const { ending } = this.options
    for (;;) {
      await sleep(1000, undefined, { signal: ending, ref: false })
      const [stored] = await listBridges(this.store, [this.definition]).catch(() => [])
      const lane = stored?.lanes.find(({ checkpoint }) => checkpoint === this.checkpoint)
      if (lane && lane.error === undefined) break
    }
    if (ending.aborted) return
    this.halted = false
    this.failure = undefined
    this.parts.topics.forget()
    this.subscription = this.subscribe()
  }
}
