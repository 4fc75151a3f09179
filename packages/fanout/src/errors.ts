import type { RecordedEvent } from '@tidemark/eventstore'
import { recordKeyOf } from './record-key.js'

/** The base of every error that this package throws: `code` is stable, `retryable` says whether the same call may succeed later. */
export abstract class FanoutError extends Error {
  abstract readonly code: string
  readonly retryable: boolean = false
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
  }
}

/** Thrown when a bridge's definition or an option cannot work; found when the program starts. */
export class BridgeConfigurationError extends FanoutError {
  override readonly code = 'FANOUT_CONFIGURATION'
}

/** Thrown when no broker answers, or one stopped answering: whether records were written is unknown until they are sent again. */
export class BrokerUnavailableError extends FanoutError {
  override readonly code = 'FANOUT_BROKER_UNAVAILABLE'
  override readonly retryable = true
  constructor(
    readonly brokers: readonly string[],
    reason: string,
    options?: ErrorOptions,
  ) {
    super(`Kafka at ${brokers.join(', ')} does not answer: ${reason}. Check the address and that it runs`, options)
  }
}

/** Thrown when Kafka answered with an error; `type` is Kafka's name for it, such as `TOPIC_AUTHORIZATION_FAILED`. */
export class KafkaRefusedError extends FanoutError {
  override readonly code = 'FANOUT_KAFKA_REFUSED'
  override readonly retryable: boolean
  constructor(
    readonly type: string,
    message: string,
    { retryable, ...options }: ErrorOptions & { readonly retryable: boolean },
  ) {
    super(message, options)
    this.retryable = retryable
  }
}

/** Thrown when the broker takes smaller record batches than those that were sent; the bridge then sends less at a time. */
export class BatchTooLargeError extends FanoutError {
  override readonly code = 'FANOUT_BATCH_TOO_LARGE'
  constructor(options?: ErrorOptions) {
    super('the broker refused a record batch as too large: send fewer records, or raise max.message.bytes', options)
  }
}

/** Thrown when Kafka's client called a send done, but no broker had acknowledged all of its partitions: it is sent again. */
export class UnacknowledgedError extends FanoutError {
  override readonly code = 'FANOUT_UNACKNOWLEDGED'
  override readonly retryable = true
  constructor(
    /** `topic/partition` of what was not acknowledged. */
    readonly partitions: readonly string[],
  ) {
    super(`the brokers did not acknowledge ${partitions.join(', ')}: the records have to be sent again`)
  }
}

/** Thrown when a send was given up because its caller does not want to wait any longer; it may still be written. */
export class SendAbortedError extends FanoutError {
  override readonly code = 'FANOUT_SEND_ABORTED'
  override readonly retryable = true
  constructor() {
    super('the send was given up before Kafka acknowledged it: the records may or may not be there, send them again')
  }
}

/** Thrown when a producer was disconnected by its owner. */
export class ProducerClosedError extends FanoutError {
  override readonly code = 'FANOUT_PRODUCER_CLOSED'
  constructor() {
    super('the Kafka producer was disconnected: create a new one')
  }
}

/** Thrown when a topic does not exist; while a bridge runs it is looked for again. */
export class TopicMissingError extends FanoutError {
  override readonly code = 'FANOUT_TOPIC_MISSING'
  override readonly retryable = true
  constructor(readonly topic: string) {
    super(`topic "${topic}" does not exist: create it, or let the bridge do so with its option createTopics`)
  }
}

/** Thrown when a topic for events is compacted: Kafka would drop all but the last event of each stream. */
export class TopicCompactedError extends FanoutError {
  override readonly code = 'FANOUT_TOPIC_COMPACTED'
  constructor(readonly topic: string) {
    super(
      `topic "${topic}" has cleanup.policy=compact, which keeps only the last event of each key: set it to delete, or name another topic`,
    )
  }
}

/** Thrown when a bridge could not publish what was pending, or groups did not read it, in the time that they were given. */
export class DrainIncompleteError extends FanoutError {
  override readonly code = 'FANOUT_DRAIN_INCOMPLETE'
  override readonly retryable = true
  constructor(
    readonly bridge: string,
    why: string,
  ) {
    super(`bridge "${bridge}" is not drained: ${why}`)
  }
}

/** Thrown when a topic's partitions became more or fewer: the keys would move to other partitions and lose their order. */
export class PartitionCountChangedError extends FanoutError {
  override readonly code = 'FANOUT_PARTITION_COUNT_CHANGED'
  constructor(
    readonly topic: string,
    readonly before: number,
    readonly now: number,
  ) {
    super(
      `topic "${topic}" had ${before} partitions when the bridge started and has ${now} now, so keys would change their partition: let every consumer finish what is in the topic, then resume the bridge or start it again; before a planned change \`tidemark bridge drain\` waits for that`,
    )
  }
}

/** Thrown when a bridge is to publish in transactions by a client that has none. */
export class TransactionsUnsupportedError extends FanoutError {
  override readonly code = 'FANOUT_TRANSACTIONS_UNSUPPORTED'
  constructor(readonly bridge: string) {
    super(
      `bridge "${bridge}" publishes in transactions, which its Kafka client does not offer: take createKafkaProducer, or leave "transactional" out`,
    )
  }
}

/** Thrown when a process has another number of lanes for a bridge than one that runs: it waits until all of those have stopped. */
export class LaneCountDiffersError extends FanoutError {
  override readonly code = 'FANOUT_LANE_COUNT_DIFFERS'
  override readonly retryable = true
  constructor(
    readonly bridge: string,
    /** The number of lanes here, and there. */
    readonly lanes: { readonly here: number; readonly running: number },
    readonly owner: string,
  ) {
    super(
      `bridge "${bridge}" has ${lanes.here} lanes here, and ${owner} runs it with ${lanes.running}: this process waits until all of those have stopped; give them the same number`,
    )
  }
}

interface UnpublishableFacts {
  readonly reason: string
  readonly key?: string | undefined
  readonly bytes?: number
}

/** Thrown when an event cannot be published as it is; the bridge parks it, or halts before it. */
export class EventNotPublishableError extends FanoutError {
  override readonly code = 'FANOUT_EVENT_NOT_PUBLISHABLE'
  readonly eventId: string
  readonly position: bigint
  /** The key of its record; undefined when it could not be made. */
  readonly key: string | undefined
  /** The size of its record; undefined when it could not be made. */
  readonly bytes: number | undefined
  constructor(
    event: Pick<RecordedEvent, 'id' | 'streamId' | 'tenant' | 'position' | 'type'>,
    { reason, key, bytes, ...options }: ErrorOptions & UnpublishableFacts,
  ) {
    const of = key === undefined ? `stream "${recordKeyOf(event)}"` : `key "${key}"`
    super(
      `event ${event.type} ${event.id} of ${of} at position ${event.position} cannot be published: ${reason}`,
      options,
    )
    this.eventId = event.id
    this.position = event.position
    this.key = key
    this.bytes = bytes
  }
}

/** Whether an error says that Kafka does not answer, or refuses for the time being: not the database, nor a schema registry. */
export function isBrokerTrouble(error: unknown): error is FanoutError {
  const kinds = [BrokerUnavailableError, KafkaRefusedError, UnacknowledgedError, SendAbortedError, TopicMissingError]
  return error instanceof FanoutError && error.retryable && kinds.some((kind) => error instanceof kind)
}
