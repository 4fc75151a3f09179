import { groupBy } from '../group-by.js'
import type {
  AppendEntry,
  BridgeEntry,
  CaughtUpEntry,
  CounterEntry,
  Entry,
  EventEntry,
  LoadEntry,
  ModelEntry,
  ReadEntry,
  RecordEntry,
  RequirementEntry,
  StreamReadEntry,
} from './entry.js'

/** An event of the log, with its numbers as numbers. */
export interface StoredEvent extends Omit<EventEntry, 'kind' | 'position' | 'version'> {
  readonly position: bigint
  readonly version: bigint
}

/** A history, sorted for the checks. */
export interface Evidence {
  readonly appends: readonly AppendEntry[]
  /** What each reader of the log saw, step by step. */
  readonly reads: ReadonlyMap<string, readonly ReadEntry[]>
  readonly streamReads: readonly StreamReadEntry[]
  readonly loads: readonly LoadEntry[]
  readonly requirements: readonly RequirementEntry[]
  /** When the last fault was over; undefined in a run without faults. */
  readonly healedMs: number | undefined
  readonly caughtUp: readonly CaughtUpEntry[]
  /** The table of events, by position. */
  readonly log: readonly StoredEvent[]
  readonly byId: ReadonlyMap<string, StoredEvent>
  readonly counters: readonly CounterEntry[]
  readonly models: readonly ModelEntry[]
  /** Records by topic, each in the order of its partition. */
  readonly topics: ReadonlyMap<string, readonly RecordEntry[]>
  readonly bridges: readonly BridgeEntry[]
}

/** Sorts the entries of a history. */
export function toEvidence(entries: readonly Entry[]): Evidence {
  const log = entries
    .filter((entry) => entry.kind === 'event')
    .map((event) => ({ ...event, position: BigInt(event.position), version: BigInt(event.version) }))
    .sort((a, b) => (a.position < b.position ? -1 : a.position > b.position ? 1 : 0))
  return {
    appends: entries.filter((entry) => entry.kind === 'append'),
    reads: groupBy(
      entries.filter((entry) => entry.kind === 'read'),
      ({ subscriber }) => subscriber,
    ),
    streamReads: entries.filter((entry) => entry.kind === 'stream-read'),
    loads: entries.filter((entry) => entry.kind === 'load'),
    requirements: entries.filter((entry) => entry.kind === 'requirement'),
    healedMs: entries.findLast((entry) => entry.kind === 'healed')?.atMs,
    caughtUp: entries.filter((entry) => entry.kind === 'caught-up'),
    log,
    byId: new Map(log.map((event) => [event.id, event])),
    counters: entries.filter((entry) => entry.kind === 'counter'),
    models: entries.filter((entry) => entry.kind === 'model'),
    topics: groupBy(
      entries.filter((entry) => entry.kind === 'record'),
      ({ topic }) => topic,
    ),
    bridges: entries.filter((entry) => entry.kind === 'bridge'),
  }
}
