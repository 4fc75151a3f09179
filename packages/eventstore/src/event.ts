import type { JsonValue } from './stored-value.js'

/** What is known of an event besides its data. */
export interface EventMetadata {
  /** The conversation that the event belongs to: the same for everything that one request set in motion. */
  readonly correlationId?: string
  /** The command or event that led to this one. */
  readonly causationId?: string
  /** Who did it. */
  readonly actor?: string
  /** The W3C trace context of the call that appended it. */
  readonly traceparent?: string
  readonly [key: string]: JsonValue | undefined
}

/** An event that is about to be appended. */
export interface NewEvent<Type extends string = string, Data = unknown> {
  readonly type: Type
  readonly data: Data
  /** A UUID; one is made where it is missing. The same id again is the same event. */
  readonly id?: string
  readonly metadata?: EventMetadata
  /** The version of the data's schema; the aggregate's current one, or 1, where it is missing. */
  readonly schemaVersion?: number
}

/** An event as it is in the log. */
export interface RecordedEvent<Type extends string = string, Data = unknown> {
  /** Its place in the global order. */
  readonly position: bigint
  readonly id: string
  readonly streamId: string
  /** Whose stream it is, in a store with tenancy: streams of two tenants may have the same id. */
  readonly tenant?: string
  /** The kind of stream: the aggregate's name. */
  readonly category: string
  /** The id within the category: for stream `order-o-42` it is `o-42`. */
  readonly aggregateId: string
  /** Its number within the stream: 1, 2, 3 … */
  readonly version: bigint
  readonly type: Type
  readonly schemaVersion: number
  readonly data: Data
  readonly metadata: EventMetadata
  /** When it was stored, by the database's clock; for people, never for order. */
  readonly recordedAt: Date
}
