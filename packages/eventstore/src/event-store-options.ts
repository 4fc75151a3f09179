import type { ClientBase, ClientConfig } from 'pg'
import type { DatabaseOptions } from './database.js'
import type { AnyAggregate } from './define-aggregate.js'
import type { NewEvent } from './event.js'
import type { ExpectedVersion } from './expected-version.js'
import type { InlineEffects } from './inline-effects.js'
import type { Logger } from './logger.js'
import type { LogFilter } from './log-source.js'
import type { PersonalDataOptions } from './personal-data/vault.js'

export interface EventStoreOptions extends DatabaseOptions {
  readonly logger?: Logger
  /** Makes event ids; UUIDv7 unless said. */
  readonly generateId?: () => string
  /**
   * The time of events (`recordedAt`, and the one in their ids) instead of the database's and the machine's: for tests that must not depend on when they
   * run. It needs the schema's owner, since writers may not choose the time. Leases and pauses go by real clocks in any case.
   */
  readonly clock?: () => Date
  /** An event's data and metadata have at most this size together; 1 MiB unless said. */
  readonly maxEventBytes?: number
  /** How many appends may wait before the next fails with `OverloadedError`; 10,000 unless said. */
  readonly maxQueuedAppends?: number
  /** How many events one statement carries at most; 1,000 unless said. */
  readonly maxGroupEvents?: number
  /** How long a lost connection or a locked stream is tried again before an append fails; 15,000 ms unless said. */
  readonly retryForMs?: number
  /** How often subscriptions look for new events although nothing woke them; 200 ms unless said. */
  readonly pollIntervalMs?: number
  /**
   * The connection that listens for other processes' appends: the pool's own settings unless said, none when false. Never through a transaction
   * pooler: with `?pgbouncer=true` in the pool's URL there is none unless said.
   */
  readonly listen?: ClientConfig | false
  /** Where the keys of data subjects are kept; in the database, wrapped with nothing, unless said. */
  readonly personalData?: PersonalDataOptions
  /** What is kept up to date in the transaction of every append: `inlineProjections([…])` of `@tidemark/projections`. Nothing unless said. */
  readonly inline?: InlineEffects
}

export interface AppendOptions {
  /** What the stream must look like; there is no default, so that nobody loses a race unknowingly. */
  readonly expectedVersion: ExpectedVersion
  /** Appends within this transaction of the caller; not grouped, and seen by readers once it commits. */
  readonly transaction?: ClientBase
  /** Withdraws an append that still waits; one that was sent already goes on. */
  readonly signal?: AbortSignal
}

/** One stream's part of an append to several. */
export interface StreamPart {
  readonly streamId: string
  readonly expectedVersion: ExpectedVersion
  /** Empty to check the stream only: no other append to it commits before this one does. */
  readonly events: readonly NewEvent[]
  /** Whose schemas the data is checked against. */
  readonly aggregate?: AnyAggregate
}

/** When to load an aggregate at: a version, or a time; now unless said. */
export type LoadOptions =
  { readonly atVersion?: bigint; readonly at?: undefined } | { readonly at: Date; readonly atVersion?: undefined }

/** Which part of the log to walk through. */
export interface WalkLogOptions extends LogFilter {
  /** Exclusive; from the beginning unless said. */
  readonly after?: bigint
  /** Inclusive; to the head as it is when the walk gets there unless said. */
  readonly upTo?: bigint
  /** How many events are read at once, 1,000 unless said. */
  readonly pageSize?: number
}

/** Which part of a stream to read. */
export interface ReadStreamOptions {
  /** Inclusive; 1 unless said. */
  readonly fromVersion?: bigint
  /** Inclusive; the newest unless said. */
  readonly toVersion?: bigint
  readonly direction?: 'forwards' | 'backwards'
  /** At most this many events, 1,000 unless said. */
  readonly limit?: number
}
