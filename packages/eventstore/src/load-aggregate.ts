import type { Database } from './database.js'
import type { AnyAggregate, StateOf } from './define-aggregate.js'
import type { RecordedEvent } from './event.js'
import { presentTypesOf } from './event-types.js'
import { fold, type StoredEvent } from './fold.js'
import { PersonalDataUnreadableError } from './personal-data/errors.js'
import { forEachSealed, hasPersonalData } from './personal-data/personal-events.js'
import type { Vault } from './personal-data/vault.js'
import { stateOfSnapshot, type SinceSnapshot } from './snapshot-policy.js'
import { selectSnapshotAndTail, type SnapshotIgnored } from './sql/select-snapshot-and-tail.js'
import { selectStream } from './sql/select-stream.js'
import { selectTruncation } from './sql/select-truncation.js'
import { selectVersionAt } from './sql/select-version-at.js'
import { streamIdOf } from './stream-id.js'
import { StreamTruncatedError } from './truncation-errors.js'

/** An aggregate as it was at a version. */
export interface Loaded<State> {
  readonly state: State
  /** The version of the last event that is in the state; 0 for an aggregate that has none. */
  readonly version: bigint
  /** The position of the last event that is in the state; 0 where it came from the snapshot alone, or there is none. */
  readonly position: bigint
  /** The version of the snapshot that it was built on; 0 without one. */
  readonly snapshotVersion: bigint
  /** How many events were read after the snapshot. */
  readonly eventsRead: number
}

/** What a fold goes on from, and the id of the event that it stands at. */
export interface Standing<State> extends Loaded<State>, SinceSnapshot {
  readonly lastEventId: string | undefined
  /** The subjects of the stream that were forgotten before anything was read; undefined where no event has personal data. */
  readonly forgotten?: ReadonlySet<string> | undefined
}

/** Where a load reads, and what decrypts. */
export interface LoadContext {
  readonly database: Database
  readonly vault: Vault
  readonly onSnapshotIgnored: (ignored: { readonly streamId: string; readonly reason: SnapshotIgnored }) => void
}

/** What a standing is advanced by: an event as it is stored. */
export type StandingEvent = StoredEvent & Pick<RecordedEvent, 'id' | 'position'> & { readonly recordedAt?: Date }

/** The highest version that a stream can have. */
export const newestVersion = 9_223_372_036_854_775_807n
const pageSize = 1000

/** Loads an aggregate at its newest version, or at an older one: the newest usable snapshot, then the events after it. */
export async function loadAggregate<A extends AnyAggregate>(
  context: LoadContext,
  aggregate: A,
  aggregateId: string,
  toVersion: bigint = newestVersion,
): Promise<Standing<StateOf<A>>> {
  const { database, vault } = context
  const streamId = streamIdOf(aggregate.name, aggregateId)
  // Before the snapshot: whoever is forgotten after this, the snapshot writer finds out.
  const forgotten = hasPersonalData(aggregate) ? await vault.forgottenOf(streamId) : undefined
  const { snapshot, events } = await readFromSnapshot(context, aggregate, streamId, toVersion)
  const start: Standing<StateOf<A>> = {
    state: (snapshot ? snapshot.state : aggregate.initialState()) as StateOf<A>,
    version: snapshot?.version ?? 0n,
    position: 0n,
    snapshotVersion: snapshot?.version ?? 0n,
    eventsRead: 0,
    bytesRead: 0,
    firstReadAt: undefined,
    lastEventId: undefined,
    forgotten,
  }
  if (!snapshot && events.length === 0 && toVersion > 0n && toVersion < newestVersion)
    await refuseIfTruncated(database, streamId, 0n)
  const standing = advance(aggregate, start, await inClear(vault, aggregate, events, forgotten))
  return events.length < pageSize ? standing : catchUp(context, aggregate, aggregateId, standing, toVersion)
}

/** The newest snapshot that can be used, and the events after it. */
async function readFromSnapshot(
  { database, onSnapshotIgnored }: LoadContext,
  { snapshot: policy, initialState }: AnyAggregate,
  streamId: string,
  toVersion: bigint,
): Promise<{ snapshot?: { readonly version: bigint; readonly state: unknown }; events: readonly RecordedEvent[] }> {
  if (!policy) return { events: await readPage(database, streamId, 1n, toVersion) }
  const { version: snapshotVersion } = policy
  const limits = { snapshotVersion, toVersion, limit: pageSize }
  const { snapshot, ignored, events } = await selectSnapshotAndTail(database, streamId, limits)
  if (ignored) onSnapshotIgnored({ streamId, reason: ignored })
  if (!snapshot) return { events }
  const found = stateOfSnapshot(snapshot.state, policy, initialState())
  if (found) return { snapshot: { version: snapshot.version, ...found }, events }
  onSnapshotIgnored({ streamId, reason: 'corrupt' })
  return { events: await readPage(database, streamId, 1n, toVersion) }
}

/** The events as a fold may see them: what is encrypted in them was opened, or there is nothing. */
async function inClear(
  vault: Vault,
  aggregate: AnyAggregate,
  events: readonly RecordedEvent[],
  forgotten: ReadonlySet<string> | undefined,
): Promise<readonly RecordedEvent[]> {
  if (forgotten) return vault.reveal(events, { forgotten })
  // To open it here would let a snapshot keep in clear what is forgotten later.
  const types = presentTypesOf(aggregate)
  for (const { data, type } of events) {
    // What the fold ignores may stay as it is.
    if (types.get(type) != null) forEachSealed(data, ({ subject }) => refuseUndeclared(subject, type))
  }
  return events
}

function refuseUndeclared(subject: string, type: string): never {
  throw new PersonalDataUnreadableError(
    subject,
    `an event ${type} has it, and its aggregate declares none: restore the declaration, which is kept as long as its events`,
  )
}

/** Reads only what came after `standing`, and folds it: what a conflict costs. */
export async function catchUp<A extends AnyAggregate>(
  { database, vault }: LoadContext,
  aggregate: A,
  aggregateId: string,
  standing: Standing<StateOf<A>>,
  toVersion: bigint = newestVersion,
): Promise<Standing<StateOf<A>>> {
  const streamId = streamIdOf(aggregate.name, aggregateId)
  for (;;) {
    const events = await readPage(database, streamId, standing.version + 1n, toVersion)
    standing = advance(aggregate, standing, await inClear(vault, aggregate, events, standing.forgotten))
    if (events.length < pageSize) return standing
  }
}

/**
 * The version that a stream was at at a time of the database's clock; 0 where it did not exist yet.
 *
 * @throws {StreamTruncatedError} all that it had at that time was truncated since.
 */
export async function versionAt(database: Database, streamId: string, at: Date): Promise<bigint> {
  const version = await selectVersionAt(database, streamId, at)
  if (version === 0n) await refuseIfTruncated(database, streamId, 0n)
  return version
}

/** A stream whose events are all newer than asked for had nothing at that time, or had what was deleted since. */
async function refuseIfTruncated(database: Database, streamId: string, reached: bigint): Promise<void> {
  const before = await selectTruncation(database, streamId)
  if (before !== undefined) throw new StreamTruncatedError(streamId, before, reached)
}

/**
 * The standing after some more events.
 *
 * @throws {StreamTruncatedError} they do not follow it.
 */
export function advance<A extends AnyAggregate>(
  aggregate: A,
  standing: Standing<StateOf<A>>,
  events: readonly StandingEvent[],
): Standing<StateOf<A>> {
  const [first, last] = [events[0], events.at(-1)]
  if (!first || !last) return standing
  if (first.version !== standing.version + 1n)
    throw new StreamTruncatedError(first.streamId, first.version, standing.version)
  return {
    ...standing,
    state: fold(aggregate, standing.state, events),
    version: last.version,
    position: last.position,
    lastEventId: last.id,
    eventsRead: standing.eventsRead + events.length,
    bytesRead: standing.bytesRead + (aggregate.snapshot?.everyBytes === undefined ? 0 : bytesOf(events)),
    firstReadAt: standing.firstReadAt ?? first.recordedAt,
  }
}

/** The size of their data. */
function bytesOf(events: readonly StandingEvent[]): number {
  return events.reduce((bytes, { data }) => bytes + Buffer.byteLength(JSON.stringify(data)), 0)
}

function readPage(
  database: Database,
  streamId: string,
  fromVersion: bigint,
  toVersion: bigint,
): Promise<RecordedEvent[]> {
  return selectStream(database, streamId, { fromVersion, toVersion, limit: pageSize, direction: 'forwards' })
}
