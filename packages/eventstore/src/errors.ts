import type { ZodError } from 'zod'

/** The base of every error that this package throws: `code` is stable, `retryable` says whether the same call may succeed later. */
export abstract class EventStoreError extends Error {
  abstract readonly code: string
  readonly retryable: boolean = false
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
  }
}

/** Thrown when a stream is not at the version that the caller decided on. */
export class VersionConflictError extends EventStoreError {
  override readonly code = 'EVENTSTORE_VERSION_CONFLICT'
  override readonly retryable = true
  readonly streamId: string
  /** What the caller expected: a version, `no-stream` or `stream-exists`. */
  readonly expectedVersion: bigint | string
  /** The version that the stream is at; 0 when it does not exist. */
  readonly actualVersion: bigint
  constructor(conflict: { streamId: string; expectedVersion: bigint | string; actualVersion: bigint }) {
    const { streamId, expectedVersion, actualVersion } = conflict
    const at = actualVersion === 0n ? 'does not exist' : `is at version ${actualVersion}`
    super(`stream "${streamId}" ${at}, expected ${expectedVersion}: reload and decide again`)
    this.streamId = streamId
    this.expectedVersion = expectedVersion
    this.actualVersion = actualVersion
  }
}

/** Thrown when an event id is already in the log with other content, or in another stream. */
export class EventIdConflictError extends EventStoreError {
  override readonly code = 'EVENTSTORE_EVENT_ID_CONFLICT'
  constructor(
    readonly streamId: string,
    readonly eventId: string,
    readonly reason: string,
  ) {
    super(`event ${eventId} for stream "${streamId}" is already in the log ${reason}: give new events new ids`)
  }
}

/** Thrown when an event's data does not match its schema, or has no schema; nothing was written. */
export class InvalidEventError extends EventStoreError {
  override readonly code = 'EVENTSTORE_INVALID_EVENT'
  constructor(
    readonly streamId: string,
    readonly eventType: string,
    /** The JSON path of the first value at fault, such as `$.items[0].price`. */
    readonly path: string,
    reason: string,
    options?: { cause?: ZodError },
  ) {
    super(`event ${eventType} for stream "${streamId}" is not valid at ${path}: ${reason}`, options)
  }
}

/** Thrown when a value cannot be stored as JSON and come back the same. */
export class UnstorableValueError extends EventStoreError {
  override readonly code = 'EVENTSTORE_UNSTORABLE_VALUE'
  constructor(
    readonly path: string,
    readonly reason: string,
  ) {
    super(`the value at ${path} cannot be stored: ${reason}`)
  }
}

/** Thrown when one event is larger than the store accepts. */
export class EventTooLargeError extends EventStoreError {
  override readonly code = 'EVENTSTORE_EVENT_TOO_LARGE'
  constructor(
    readonly streamId: string,
    readonly eventType: string,
    readonly bytes: number,
    readonly maxEventBytes: number,
  ) {
    super(
      `event ${eventType} for stream "${streamId}" has ${bytes} bytes, at most ${maxEventBytes} are accepted: store the payload elsewhere and put a reference to it into the event`,
    )
  }
}

/** Thrown when a command's input does not match its schema. */
export class InvalidCommandError extends EventStoreError {
  override readonly code = 'EVENTSTORE_INVALID_COMMAND'
  constructor(
    readonly command: string,
    readonly issues: readonly { readonly path: string; readonly message: string }[],
    options?: ErrorOptions,
  ) {
    super(
      `command ${command} is not valid: ${issues.map(({ path, message }) => `${path}: ${message}`).join('; ')}`,
      options,
    )
  }
}

/** Thrown when an aggregate has no command of that name. */
export class UnknownCommandError extends EventStoreError {
  override readonly code = 'EVENTSTORE_UNKNOWN_COMMAND'
  constructor(
    readonly aggregate: string,
    readonly command: string,
    readonly known: readonly string[],
  ) {
    super(`aggregate "${aggregate}" has no command "${command}": it has ${known.join(', ')}`)
  }
}

/** Thrown when an aggregate refused a command by its own rules; `rejection` is the code that the aggregate gave. */
export class CommandRejectedError extends EventStoreError {
  override readonly code = 'EVENTSTORE_COMMAND_REJECTED'
  constructor(
    readonly streamId: string,
    readonly command: string,
    readonly rejection: string,
    readonly reason: string,
  ) {
    super(`${command} was rejected by "${streamId}": ${reason} (${rejection})`)
  }
}

/** Thrown when a stored event has a type or a schema version that this code does not know: deploy the code that wrote it. */
export class UnknownEventError extends EventStoreError {
  override readonly code = 'EVENTSTORE_UNKNOWN_EVENT'
  constructor(
    readonly streamId: string,
    readonly eventType: string,
    readonly schemaVersion: number,
    reason: string,
  ) {
    super(`event ${eventType} version ${schemaVersion} of stream "${streamId}" cannot be read: ${reason}`)
  }
}

/** Thrown when too many appends wait already: slow down, then call again with the same event ids. */
export class OverloadedError extends EventStoreError {
  override readonly code = 'EVENTSTORE_OVERLOADED'
  override readonly retryable = true
  constructor(readonly queued: number) {
    super(`${queued} appends are waiting already: slow down and call again`)
  }
}

/** Thrown when the connection broke before the outcome was known, and stayed broken: call again with the same event ids. */
export class OutcomeUnknownError extends EventStoreError {
  override readonly code = 'EVENTSTORE_OUTCOME_UNKNOWN'
  override readonly retryable = true
  constructor(
    readonly streamId: string,
    readonly eventIds: readonly string[],
    options: ErrorOptions,
  ) {
    super(
      `the append to stream "${streamId}" may or may not have been stored, the database did not answer: call again with the same event ids`,
      options,
    )
  }
}

/** Thrown when the store was closed. */
export class StoreClosedError extends EventStoreError {
  override readonly code = 'EVENTSTORE_CLOSED'
  constructor() {
    super('the event store was closed: create a new one')
  }
}

/** Thrown when a checkpoint belongs to another owner now, or was moved meanwhile; the transaction must be rolled back. */
export class CheckpointLostError extends EventStoreError {
  override readonly code = 'EVENTSTORE_CHECKPOINT_LOST'
  override readonly retryable = true
  constructor(readonly checkpoint: string) {
    super(`checkpoint "${checkpoint}" was taken over by another owner: roll back and claim it again`)
  }
}

/** Thrown when the log no longer holds the event that a checkpoint was made on: it was restored to an earlier point. */
export class LogMismatchError extends EventStoreError {
  override readonly code = 'EVENTSTORE_LOG_MISMATCH'
  constructor(
    readonly checkpoint: string,
    readonly position: bigint,
    reason: string,
  ) {
    super(
      `checkpoint "${checkpoint}" at position ${position} does not fit the log: ${reason}. The log was restored to an earlier point: rebuild the subscriber, or restore it too`,
    )
  }
}

/** A checkpoint that was made on another log than the one that is there. */
export interface CheckpointMisfit {
  readonly name: string
  readonly position: bigint
  readonly reason: string
}

/** Thrown when the store is on another cluster or timeline than before, and checkpoints do not fit its log: nothing follows it until somebody decides. */
export class LogRestoredError extends EventStoreError {
  override readonly code = 'EVENTSTORE_LOG_RESTORED'
  constructor(readonly checkpoints: readonly CheckpointMisfit[]) {
    const list = checkpoints.map(({ name, position, reason }) => `"${name}" at position ${position} (${reason})`)
    super(
      `the log was restored to an earlier point, and checkpoints do not fit it: ${list.join(', ')}. Follow the restore runbook: run \`tidemark db new-epoch\``,
    )
  }
}

/** Thrown when the database gives out positions in a way that could lose events: each defect says how it is mended. */
export class StoreCorruptError extends EventStoreError {
  override readonly code = 'EVENTSTORE_STORE_CORRUPT'
  constructor(
    readonly schema: string,
    readonly defects: readonly string[],
  ) {
    super(`the store in schema "${schema}" could lose events: ${defects.join('; ')}`)
  }
}

/** Thrown when a store with tenancy is asked for a stream without saying whose: use `store.forTenant(…)`. */
export class TenantRequiredError extends EventStoreError {
  override readonly code = 'EVENTSTORE_TENANT_REQUIRED'
  constructor(options?: ErrorOptions) {
    super(
      'streams of this store belong to tenants, and none was named: use store.forTenant(…), or --tenant on the command line',
      options,
    )
  }
}

/** Thrown when a tenant cannot be kept apart here: the store was migrated without tenancy, or the role of the pool sees every tenant. */
export class TenancyError extends EventStoreError {
  override readonly code = 'EVENTSTORE_TENANCY'
  constructor(
    readonly tenant: string,
    reason: string,
  ) {
    super(`the store cannot work for tenant "${tenant}": ${reason}`)
  }
}

/** Thrown when a definition or an option cannot work; found when the program starts. */
export class ConfigurationError extends EventStoreError {
  override readonly code = 'EVENTSTORE_CONFIGURATION'
}

/** Thrown when Postgres failed; `sqlState` is its five-character code where it gave one. */
export class DatabaseError extends EventStoreError {
  override readonly code = 'EVENTSTORE_DATABASE'
  override readonly retryable: boolean
  constructor(
    readonly kind: DatabaseErrorKind,
    readonly sqlState: string | undefined,
    message: string,
    options: ErrorOptions,
  ) {
    super(message, options)
    this.retryable = retryableKinds.has(kind)
  }
}

/** What sort of failure Postgres reported; the kinds that may pass by themselves are retryable. */
export type DatabaseErrorKind =
  | 'connection'
  | 'shutting-down'
  | 'serialization'
  | 'lock-timeout'
  | 'cancelled'
  | 'out-of-resources'
  | 'permission'
  | 'schema'
  | 'pooler'
  | 'other'

const retryableKinds: ReadonlySet<DatabaseErrorKind> = new Set([
  'connection',
  'shutting-down',
  'serialization',
  'lock-timeout',
  'cancelled',
  'out-of-resources',
])
