import { on, type Database, type EventStore, type Queryable } from '@tidemark/eventstore'
import type { ClientBase, Pool } from 'pg'
import type { ConsumedEvent } from './decode-record.js'
import type { ConsumerDefinition } from './define-consumer.js'
import { ClaimLostError, StreamGapError, UndecodableRecordError } from './errors.js'
import {
  advanceInboxStreams,
  forgetInboxRows,
  insertInbox,
  pruneInboxRows,
  selectInboxStreams,
  type StreamStep,
} from './sql/inbox-statements.js'

const pruneChunk = 10_000

/** Where a consumer's tables are: a store, or the pool of a database that was migrated. */
export type ConsumerDatabase = EventStore | Pool

/** The tables of a consumer, and the pool that its transactions come from. */
export function databaseOf(
  storeOrPool: ConsumerDatabase,
  schema = 'tidemark',
): { readonly pool: Pool; readonly database: Database } {
  if ('database' in storeOrPool) return { pool: storeOrPool.pool, database: storeOrPool.database }
  const queryable: Queryable = storeOrPool
  return { pool: storeOrPool, database: { queryable, schema, prepare: false } }
}

/**
 * Notes events as handled in the transaction of what they do; returns those that were not handled before, in their order.
 *
 * @throws {StreamGapError} versions of a stream are missing. @throws {ClaimLostError} another member is at the same streams.
 */
export async function claimEvents(
  database: Database,
  transaction: ClientBase,
  { name, inbox }: Pick<ConsumerDefinition, 'name' | 'inbox'>,
  events: readonly ConsumedEvent[],
): Promise<readonly ConsumedEvent[]> {
  if (events.length === 0) return events
  const inside = on(database, transaction)
  switch (inbox.by) {
    case 'none':
      return events
    case 'id':
      return claimById(inside, name, events)
    case 'version':
      return claimByVersion(inside, name, events, inbox.gaps)
  }
}

async function claimById(
  database: Database,
  consumer: string,
  events: readonly ConsumedEvent[],
): Promise<readonly ConsumedEvent[]> {
  const fresh = new Set((await insertInbox(database, consumer, events)).map(idOf))
  // Of an event that is there twice the first is handled.
  return events.filter((event) => fresh.delete(idOf(event)))
}

async function claimByVersion(
  database: Database,
  consumer: string,
  events: readonly ConsumedEvent[],
  gaps: 'stop' | 'accept',
): Promise<readonly ConsumedEvent[]> {
  const streams = new Map(events.map(({ source, streamId }) => [streamOf({ source, streamId }), { source, streamId }]))
  const known = await selectInboxStreams(database, consumer, [...streams.values()])
  const before = new Map(known.map((progress) => [streamOf(progress), progress.version]))
  const steps = new Map<string, StreamStep>()
  const fresh = events.filter((event) => {
    const { source, streamId, version } = event
    if (version === undefined)
      throw new UndecodableRecordError(`event ${event.id} has no stream version, which a version inbox needs`)
    const stream = streamOf(event)
    const start = before.get(stream) ?? 0n
    const handled = steps.get(stream)?.version ?? start
    if (version <= handled) return false
    if (version > handled + 1n && gaps === 'stop') throw new StreamGapError(streamId, handled, version)
    steps.set(stream, { source, streamId, before: start, version })
    return true
  })
  if (steps.size > 0 && (await advanceInboxStreams(database, consumer, [...steps.values()])) < steps.size)
    throw new ClaimLostError(consumer)
  return fresh
}

const idOf = ({ source, id }: { readonly source: string; readonly id: string }) => JSON.stringify([source, id])
const streamOf = ({ source, streamId }: { readonly source: string; readonly streamId: string }) =>
  JSON.stringify([source, streamId])

/**
 * Deletes what an inbox by id no longer needs: rows that are older than its `keepMs`. A running consumer does it every hour.
 *
 * It deletes in short statements and may be called at any time; other inboxes have nothing to delete.
 *
 * @returns how many rows are gone.
 *
 * @example
 * await pruneInbox(store, notifications)
 */
export async function pruneInbox(
  storeOrPool: ConsumerDatabase,
  { name, inbox }: ConsumerDefinition,
  options: { readonly schema?: string } = {},
): Promise<number> {
  if (inbox.by !== 'id') return 0
  const { database } = databaseOf(storeOrPool, options.schema)
  let pruned = 0
  for (;;) {
    const count = await pruneInboxRows(database, name, inbox.keepMs, pruneChunk)
    pruned += count
    if (count < pruneChunk) return pruned
  }
}

/**
 * Makes a consumer forget what it has handled: whatever it reads from then on is new to it.
 *
 * For handling a topic again on purpose, together with {@link resetConsumer}, while no member of its group runs.
 *
 * @returns how many rows are gone.
 *
 * @example
 * await forgetInbox(store, notifications)
 */
export async function forgetInbox(
  storeOrPool: ConsumerDatabase,
  { name }: ConsumerDefinition,
  options: { readonly schema?: string } = {},
): Promise<number> {
  return forgetInboxRows(databaseOf(storeOrPool, options.schema).database, name)
}
