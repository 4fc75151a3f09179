import type { Database } from './database.js'
import { EventIdConflictError, VersionConflictError, type EventStoreError } from './errors.js'
import type { RecordedEvent } from './event.js'
import { meetsExpectation } from './expected-version.js'
import { selectEventsById } from './sql/select-events-by-id.js'
import { selectStreamVersions } from './sql/select-stream-versions.js'
import type { SerializedEvent, StreamAppend, StoredPart } from './sql/insert-events.js'
import { isDeepStrictEqual } from 'node:util'

/** What an append did. */
export interface AppendResult {
  readonly streamId: string
  /** The version of the last event that was appended; 0 for an empty append. */
  readonly version: bigint
  /** The position of the last event that was appended; 0 for an empty append. */
  readonly position: bigint
  readonly events: readonly AppendedEvent[]
  /** True when the same events had been appended before, and this call changed nothing. */
  readonly duplicate: boolean
}

/** Where one event went. */
export interface AppendedEvent {
  readonly id: string
  readonly version: bigint
  readonly position: bigint
}

/** The outcome of one part: what was appended, why it failed, or that nothing speaks against trying it again. */
export type Outcome = { readonly result: AppendResult } | { readonly error: EventStoreError } | 'try-again'

/** The result of events that were stored just now, from the `skip`-th of the stored part on. */
export function storedResult(
  streamId: string,
  events: readonly SerializedEvent[],
  stored: StoredPart,
  skip = 0,
): AppendResult {
  const appended = events.map(({ id }, index) => ({
    id,
    version: stored.firstVersion + BigInt(skip + index),
    position: stored.positions[skip + index] ?? 0n,
  }))
  return resultOf(streamId, appended, false)
}

function resultOf(streamId: string, events: readonly AppendedEvent[], duplicate: boolean): AppendResult {
  const last = events.at(-1)
  return { streamId, version: last?.version ?? 0n, position: last?.position ?? 0n, events, duplicate }
}

/**
 * Finds out why parts were not stored, in statements of their own: the insert's snapshot is older than the winner.
 *
 * The same events are there → they are the first outcome. Another event has one of the ids, or the stream is elsewhere than
 * expected → a typed error. Neither → the loser of a race that no longer matters: it may be tried again.
 */
export async function resolveLosers(database: Database, losers: readonly StreamAppend[]): Promise<readonly Outcome[]> {
  const ids = losers.flatMap(({ events }) => events.map(({ id }) => id))
  // Events first: one that is committed between the two statements shows up as a version, which is only tried again or reported.
  const stored = await selectEventsById(database, ids)
  const reveal = losers.find((loser) => loser.reveal)?.reveal
  // Encrypted anew, the same data never looks the same.
  const revealed = reveal ? await reveal(stored, database.queryable) : stored
  const found = new Map(revealed.map((event) => [event.id, event]))
  const versions = await selectStreamVersions(
    database,
    losers.map(({ streamId }) => streamId),
  )
  return losers.map((loser) => resolve(loser, found, versions.get(loser.streamId) ?? 0n))
}

function resolve(loser: StreamAppend, found: ReadonlyMap<string, RecordedEvent>, actualVersion: bigint): Outcome {
  const { streamId, expected, events } = loser
  const holds = meetsExpectation(expected, actualVersion)
  if (events.length === 0 && holds) return { result: { ...resultOf(streamId, [], false), version: actualVersion } }
  const appended: AppendedEvent[] = []
  for (const event of events) {
    const stored = found.get(event.id)
    if (!stored) continue
    const difference = differenceOf(streamId, event, stored)
    if (difference) return { error: new EventIdConflictError(streamId, event.id, difference) }
    appended.push({ id: event.id, version: stored.version, position: stored.position })
  }
  if (appended.length === events.length && events.length > 0) return { result: resultOf(streamId, appended, true) }
  const first = appended[0]
  if (first) return { error: new EventIdConflictError(streamId, first.id, 'without the others of this append') }
  if (holds) return 'try-again'
  const expectedVersion = expected === -2n ? 'stream-exists' : expected === 0n ? 'no-stream' : expected
  return { error: new VersionConflictError({ streamId, expectedVersion, actualVersion }) }
}

function differenceOf(streamId: string, event: SerializedEvent, stored: RecordedEvent): string | undefined {
  if (stored.streamId !== streamId) return `in stream "${stored.streamId}"`
  if (stored.type !== event.type) return `as ${stored.type}`
  if (stored.schemaVersion !== event.schemaVersion) return `at schema version ${stored.schemaVersion}`
  return isDeepStrictEqual(stored.data, JSON.parse(event.plain ?? event.data)) ? undefined : 'with other data'
}
