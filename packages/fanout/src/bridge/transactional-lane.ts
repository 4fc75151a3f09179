import {
  checkpointMisfit,
  CheckpointLostError,
  type Checkpoint,
  type CheckpointPlace,
  type EventStore,
  type Logger,
} from '@tidemark/eventstore'
import {
  BridgeConfigurationError,
  SendAbortedError,
  TopicMissingError,
  TransactionsUnsupportedError,
} from '../errors.js'
import type { KafkaProducerPort, KafkaTransactions, RawKafkaRecord, TopicSettings } from '../kafka-producer-port.js'
import { isStillOwned } from '../sql/lane-statements.js'
import type { BridgeDefinition } from './define-bridge.js'
import type { Lane } from './lane-names.js'
import type { EventRecord } from './record-of-event.js'

type TransactionalPort = Required<Pick<KafkaProducerPort, 'openTransactions' | 'readLastCommitted'>> & KafkaProducerPort

/** @throws {TransactionsUnsupportedError} the client has no transactions. */
export function checkTransactional(bridge: string, producer: KafkaProducerPort): TransactionalPort {
  if (producer.openTransactions && producer.readLastCommitted) return producer as TransactionalPort
  throw new TransactionsUnsupportedError(bridge)
}

/**
 * Makes sure that the topic is there in which a transactional bridge keeps how far it is: a partition per lane, compacted.
 *
 * @throws {TopicMissingError} it is not there, and may not be created. @throws {BridgeConfigurationError} it cannot be used.
 */
export async function prepareProgressTopic(
  producer: KafkaProducerPort,
  { name, lanes }: BridgeDefinition,
  { topic, createTopics }: { readonly topic: string; readonly createTopics: TopicSettings | undefined },
): Promise<void> {
  const count = await producer.partitionCount(topic)
  if (count === undefined) {
    if (!createTopics) throw new TopicMissingError(topic)
    const { replicationFactor, minInsyncReplicas } = createTopics
    const settings = { replicationFactor, ...(minInsyncReplicas !== undefined && { minInsyncReplicas }) }
    return producer.createTopic(topic, { ...settings, partitions: lanes, cleanupPolicy: 'compact' })
  }
  const refuse = (what: string) => new BridgeConfigurationError(`bridge "${name}": topic "${topic}" ${what}`)
  if (count < lanes) throw refuse(`has ${count} partitions, and one is needed for each of ${lanes} lanes`)
  if ((await producer.isCompacted?.(topic)) === false)
    throw refuse('has cleanup.policy=delete, which would forget how far the bridge is: set it to compact')
}

export interface TransactionalLaneOptions {
  readonly store: EventStore
  readonly bridge: string
  readonly lane: Lane
  readonly progressTopic: string
  readonly producer: KafkaProducerPort
  readonly logger: Logger
}

/**
 * Sends the records of a lane in transactions, each with how far the lane is then.
 *
 * That record is the truth: the checkpoint in Postgres may be behind it by one transaction.
 */
export class TransactionalLane {
  private readonly producer: TransactionalPort
  private transactions: KafkaTransactions | undefined

  constructor(private readonly options: TransactionalLaneOptions) {
    this.producer = checkTransactional(options.bridge, options.producer)
  }

  /**
   * Takes over from whoever sent for this lane before, and tells up to which position everything is published or parked.
   *
   * @throws {CheckpointLostError} somebody else has the checkpoint meanwhile.
   */
  async begin(checkpoint: Checkpoint): Promise<bigint> {
    const { store, bridge, lane, progressTopic, logger } = this.options
    await this.end()
    // First: what was not committed never will be, so what is read next is final.
    this.transactions = await this.producer.openTransactions(`${progressTopic}.${lane.index}-of-${lane.count}`)
    // Who has lost the checkpoint does not know what was parked since, and leaves it to the owner to fence it in turn.
    if (!(await isStillOwned(store.database, checkpoint))) throw new CheckpointLostError(checkpoint.name)
    const place = placeOf(await this.producer.readLastCommitted(progressTopic, lane.index))
    if (!place || place.position <= checkpoint.place.position) return checkpoint.place.position
    const misfit = await checkpointMisfit(store.log, place)
    if (misfit === undefined) return place.position
    logger.warn({ bridge, progressTopic, misfit }, 'the progress in Kafka is of another log, and is not used')
    return checkpoint.place.position
  }

  /**
   * Sends records in one transaction; after an error it has to begin again.
   *
   * @throws {SendAbortedError} it has ended, or has not begun: nothing was sent.
   */
  async send(group: readonly EventRecord[], epoch: string | undefined, signal: AbortSignal): Promise<void> {
    const { lane, progressTopic: topic, bridge } = this.options
    const { transactions } = this
    // Whoever gave a batch up may have left it at work: what is not sent must not look as if it were.
    if (!transactions) throw new SendAbortedError()
    const last = group.at(-1)?.event
    if (!last) return
    const place = { position: String(last.position), eventId: last.id, epoch }
    const progress: RawKafkaRecord = {
      ...{ topic, partition: lane.index, key: `${bridge}/${lane.index}-of-${lane.count}`, headers: {} },
      value: Buffer.from(JSON.stringify(place)),
    }
    try {
      await transactions.commit([...group.map(({ record }) => record), progress], { signal })
    } catch (error) {
      this.transactions = undefined
      throw error
    }
  }

  /** Whether it has begun, and nothing failed since. */
  get isReady(): boolean {
    return this.transactions !== undefined
  }

  /** Lets go of the connections. */
  async end(): Promise<void> {
    const { transactions } = this
    this.transactions = undefined
    await transactions?.close()
  }
}

function placeOf(value: Buffer | undefined): CheckpointPlace | undefined {
  if (!value) return undefined
  const { position, eventId, epoch } = JSON.parse(value.toString()) as Record<string, string | undefined>
  return position === undefined ? undefined : { position: BigInt(position), eventId, epoch }
}
