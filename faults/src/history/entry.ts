/** What is known of an operation when it ends: `unknown` when the answer never came. */
export type Outcome = 'ok' | 'fail' | 'unknown'

/** An append, by whatever way; times are monotonic milliseconds since the run began. */
export interface AppendEntry {
  readonly kind: 'append'
  readonly outcome: Outcome
  readonly caller: string
  readonly startedMs: number
  readonly endedMs: number
  readonly streamId: string
  /** A version in decimal, `any`, `no-stream` or `stream-exists`. */
  readonly expectedVersion: string
  /** Appends with the same batch are one transaction; each is its own unless said. */
  readonly batch?: string
  readonly events: readonly { readonly id: string; readonly data: unknown }[]
  /** The version of the last event, as the caller was told. */
  readonly version?: string
  readonly error?: { readonly code: string; readonly message: string }
}

/** A step of a reader of the log: it has seen these events, and everything through this position. */
export interface ReadEntry {
  readonly kind: 'read'
  readonly subscriber: string
  readonly atMs: number
  readonly through: string
  /** Position and id of each event. */
  readonly events: readonly (readonly [position: string, id: string])[]
}

/** A stream was read whole, in one call. */
export interface StreamReadEntry {
  readonly kind: 'stream-read'
  readonly atMs: number
  readonly streamId: string
  readonly ids: readonly string[]
}

/** An aggregate was loaded by snapshot and tail, and folded from its first event. */
export interface LoadEntry {
  readonly kind: 'load'
  readonly streamId: string
  readonly version: string
  readonly loaded: unknown
  readonly folded: unknown
}

/** Something that an experiment demands besides the invariants. */
export interface RequirementEntry {
  readonly kind: 'requirement'
  readonly name: string
  readonly expected: string
  readonly actual: string
  readonly met: boolean
}

/** The last fault is over. */
export interface HealedEntry {
  readonly kind: 'healed'
  readonly atMs: number
}

/** A subscriber reached the head; `atMs` is missing when it did not in the time that it had. */
export interface CaughtUpEntry {
  readonly kind: 'caught-up'
  readonly subscriber: string
  readonly atMs?: number
}

/** A row of the table of events, read when all was over. */
export interface EventEntry {
  readonly kind: 'event'
  readonly position: string
  readonly id: string
  readonly streamId: string
  readonly version: string
  readonly data: unknown
  readonly causationId?: string
}

/** A read model that counts the events of each stream, read in one snapshot with its checkpoint. */
export interface CounterEntry {
  readonly kind: 'counter'
  readonly name: string
  readonly checkpoint: string
  readonly counts: Readonly<Record<string, number>>
  /** Streams whose rows a parked event marked: they are left out of the comparison, and must not be counted. */
  readonly parked?: readonly string[]
}

/** A read model, read in one snapshot with its checkpoint, and what the experiment's own fold makes of the log up to there. */
export interface ModelEntry {
  readonly kind: 'model'
  readonly name: string
  readonly atMs: number
  readonly checkpoint: string
  readonly rows: number
  /** Over all rows in the order of their keys. */
  readonly hash: string
  readonly foldedRows: number
  readonly foldedHash: string
  /** The first rows that differ, as the model has them and as the fold has them. */
  readonly differences: readonly string[]
}

/** A record on a topic, in the order of its partition. */
export interface RecordEntry {
  readonly kind: 'record'
  readonly topic: string
  readonly partition: number
  readonly offset: string
  readonly key: string
  readonly id: string
  readonly version: string
}

/** What a bridge was put through: bounds what its topic may repeat and lack. */
export interface BridgeEntry {
  readonly kind: 'bridge'
  readonly topic: string
  /**
   * How often something was on its way to Kafka that whoever went on could not know of: a send that failed, a process that was killed or stopped at any
   * moment. Not a process that died once Kafka had acknowledged: the next one reads that back.
   */
  readonly interruptions: number
  readonly largestBatch: number
  /** The position that the bridge had reached when the topic was read. */
  readonly checkpoint: string
  /** Up to this position the topic was another one, which is gone. */
  readonly after?: string
  /** How often keys may have changed their partition; never unless said. */
  readonly moves?: number
}

/** One line of a history. */
export type Entry =
  | AppendEntry
  | ReadEntry
  | StreamReadEntry
  | LoadEntry
  | RequirementEntry
  | HealedEntry
  | CaughtUpEntry
  | EventEntry
  | CounterEntry
  | ModelEntry
  | RecordEntry
  | BridgeEntry
