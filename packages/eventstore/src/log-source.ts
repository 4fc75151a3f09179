import type { RecordedEvent } from './event.js'
import type { Head } from './sql/select-head.js'

/** Which events of the log somebody wants. */
export interface LogFilter {
  /** Aggregate names. */
  readonly categories?: readonly string[] | undefined
  /** Event types. */
  readonly types?: readonly string[] | undefined
  /**
   * The types that the reader knows, wanted or not. An event of any other type is read too, although `types` leaves it out: newer code wrote it, and
   * who passes over it lacks it once he knows it.
   */
  readonly knownTypes?: readonly string[] | undefined
  /** Only a part of the streams. */
  readonly shard?: LogShard | undefined
}

/** One of `count` parts of the log, by the hash of the stream id: each stream is in one part as a whole. */
export interface LogShard {
  /** From 0. */
  readonly index: number
  readonly count: number
}

/** A piece of the log. */
export interface LogBatch {
  readonly events: readonly RecordedEvent[]
  /** Everything that matches the filter at or below this position is in this batch or an earlier one. */
  readonly through: bigint
  /** Whether the head was reached. */
  readonly atHead: boolean
}

export interface ReadLogOptions extends LogFilter {
  /** Read what comes after this position. */
  readonly after: bigint
  /** Read no further than this position, nor past the safe head. */
  readonly upTo?: bigint
  readonly limit: number
}

/**
 * Where subscriptions take their events from: the log in Postgres, or something that carries it.
 *
 * Projections and bridges know this and nothing of how it is done.
 */
export interface LogSource {
  /** How far may be read now. */
  head(): Promise<Head>
  /** The next events in order, data as stored. Never past the safe head; empty when there is nothing new. */
  read(options: ReadLogOptions): Promise<LogBatch>
  /** Calls back whenever the head has moved, and from time to time in any case; returns the way to stop it. */
  onAdvance(listener: () => void): () => void
  /**
   * Makes sure that the log is the one that it was; called before a subscription starts. A source that cannot tell leaves it out.
   *
   * @throws {LogRestoredError} @throws {StoreCorruptError}
   */
  verify?(): Promise<void>
  /** The epoch of the log: another one after it was restored to an earlier point. */
  epoch(): Promise<string>
  /** The id of the last event at or below a position. */
  lastEventId(position: bigint): Promise<string | undefined>
}
