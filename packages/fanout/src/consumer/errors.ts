import { FanoutError } from '../errors.js'

/** Thrown when a consumer's definition or an option cannot work; found when the program starts. */
export class ConsumerConfigurationError extends FanoutError {
  override readonly code = 'FANOUT_CONSUMER_CONFIGURATION'
  constructor(consumer: string, reason: string, options?: ErrorOptions) {
    super(`consumer "${consumer}": ${reason}`, options)
  }
}

/**
 * Thrown by a handler that knows that no later try can succeed: the record goes to the dead letters at once.
 *
 * @example
 * throw new NotRetriableError(`customer ${event.data.customerId} was never here`)
 */
export class NotRetriableError extends FanoutError {
  override readonly code: string = 'FANOUT_NOT_RETRIABLE'
}

/** Thrown when a record is no event that can be read: not JSON, without an id, of an upcaster that fails. */
export class UndecodableRecordError extends NotRetriableError {
  override readonly code = 'FANOUT_UNDECODABLE_RECORD'
}

/** Thrown when a record's event is of a type or schema version that this code does not know. */
export class UnknownEventTypeError extends NotRetriableError {
  override readonly code = 'FANOUT_UNKNOWN_EVENT_TYPE'
}

/** Thrown when an event has waited in vain for the one that it follows from, and is not to be handled without it. */
export class CauseMissingError extends NotRetriableError {
  override readonly code = 'FANOUT_CAUSE_MISSING'
  constructor(
    { id, streamId }: { readonly id: string; readonly streamId: string },
    /** The id of the event that did not come. */
    readonly missingId: string,
    waitedMs: number,
  ) {
    super(
      `event ${id} of stream "${streamId}" has waited ${waitedMs} ms for event ${missingId}, which this consumer has not handled: redrive it once that has come, or raise causes.waitMs`,
    )
  }
}

/** Thrown when a version inbox finds that events of a stream are missing; the partition halts before them. */
export class StreamGapError extends FanoutError {
  override readonly code = 'FANOUT_STREAM_GAP'
  constructor(
    readonly streamId: string,
    /** The last version that was handled; 0 when there is none. */
    readonly handled: bigint,
    readonly received: bigint,
  ) {
    super(
      `stream "${streamId}" is handled up to version ${handled} and the next record has version ${received}: find out where the versions between went, and move the group back to them or define the inbox with gaps: "accept"`,
    )
  }
}

/** Thrown when another member handles the same records at the same moment; the transaction is undone and tried again. */
export class ClaimLostError extends FanoutError {
  override readonly code = 'FANOUT_CLAIM_LOST'
  override readonly retryable = true
  constructor(consumer: string) {
    super(`another member of consumer "${consumer}" handles the same streams: tried again`)
  }
}

/** Thrown when a handler did not end in time after its partition was taken away: its transaction is undone. */
export class HandlingGivenUpError extends FanoutError {
  override readonly code = 'FANOUT_HANDLING_GIVEN_UP'
  override readonly retryable = true
  constructor(consumer: string, afterMs: number) {
    super(
      `a handler of consumer "${consumer}" was still at work ${afterMs} ms after it had to stop: its transaction was undone`,
    )
  }
}

/** Thrown when the offsets of a group are to be changed while a member of it runs. */
export class GroupActiveError extends FanoutError {
  override readonly code = 'FANOUT_GROUP_ACTIVE'
  constructor(
    readonly group: string,
    readonly state: string,
  ) {
    super(`consumer group "${group}" is active (${state}): stop all of its members first`)
  }
}

/** Thrown when a topic no longer has records that a read model lacks: they were deleted, or the topic was made anew. */
export class RecordsGoneError extends FanoutError {
  override readonly code = 'FANOUT_RECORDS_GONE'
  constructor(
    readonly place: { readonly topic: string; readonly partition: number },
    /** The next record that is needed. */
    readonly needed: bigint,
    reason: string,
  ) {
    super(
      `${place.topic}/${place.partition}: the record at offset ${needed} is needed next, and ${reason}: stop the consumers, rebuild the read model from the log, and start them again`,
    )
  }
}
