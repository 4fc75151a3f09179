import type { CheckpointPlace, Database } from '@tidemark/eventstore'
import type { ClientBase } from 'pg'
import { placeAfter, readAfter } from './copy-log.js'
import { logFor } from './projection-store.js'
import type { TablePart, TableParts } from './table-parts.js'

/** Signals that more events are left than a short transaction takes. */
export class FellBehind extends Error {}

/** What may be left to fold while other transactions wait. */
const finalEvents = 2000

/**
 * Brings all shards of a table to one position within the caller's transaction, and their checkpoints with them.
 *
 * @returns the place where they are now. @throws {FellBehind} too many events are left.
 */
export async function catchUpWithin(
  client: ClientBase,
  database: Database,
  { store, parts }: Pick<TableParts, 'store' | 'parts'>,
  to: bigint,
): Promise<CheckpointPlace> {
  let left = finalEvents
  let end: CheckpointPlace | undefined
  for (const part of parts) {
    const log = logFor(store, database)
    const { place, events } = await catchUpPart(client, log, part, to, left)
    left -= events
    await part.checkpoint.advance(client, place)
    end = place
  }
  if (!end) throw new Error('a table has at least one shard')
  return end
}

/**
 * Folds what is left up to one position into all shards of a table, and leaves their checkpoints: for a transaction that is rolled back, and whose
 * snapshot has all events up to there.
 *
 * @throws {FellBehind} too many events are left.
 */
export async function foldWithin(
  client: ClientBase,
  database: Database,
  { store, parts }: Pick<TableParts, 'store' | 'parts'>,
  to: bigint,
): Promise<void> {
  let left = finalEvents
  const log = logFor(store, database, { safeUpTo: to })
  for (const part of parts) left -= (await catchUpPart(client, log, part, to, left)).events
}

async function catchUpPart(
  client: ClientBase,
  log: ReturnType<typeof logFor>,
  { table, checkpoint }: TablePart,
  to: bigint,
  left: number,
): Promise<{ readonly place: CheckpointPlace; readonly events: number }> {
  const epoch = await log.epoch()
  let { place } = checkpoint
  let events = 0
  while (place.position < to) {
    const batch = await readAfter({ log }, table, place.position, to, left - events + 1)
    await table.apply(client, batch.events, true)
    place = await placeAfter({ log }, batch, checkpoint, epoch)
    events += batch.events.length
    if (events > left) throw new FellBehind()
  }
  return { place, events }
}
