import {
  DatabaseError,
  failpoint,
  inTransaction,
  logWithin,
  on,
  type Checkpoint,
  type CheckpointPlace,
  type Database,
  type EventStore,
  type Logger,
} from '@tidemark/eventstore'
import type { ClientBase } from 'pg'
import { placeAfter, readAfter } from './copy-log.js'
import { PromoteBlockedError, VersionNotLiveError } from './errors.js'
import { checkpointNameOf } from './names.js'
import type { ReadModelTable } from './read-model-table.js'
import { freeCheckpoint, lockCheckpoints, retireCheckpoint } from './sql/checkpoint-switch.js'
import { lockProjection, selectTables, updateTableStatus } from './sql/registry-statements.js'
import { execute, shapeFor, switchView } from './table-lifecycle.js'

export interface PromoteOptions {
  /** Brings the build up to a position, outside of the switch. */
  readonly copy: (upTo: bigint) => Promise<void>
  readonly signal?: AbortSignal
  readonly logger: Logger
}

const tries = 60
const lockTimeoutMs = 250
/** What may be left to fold while the live checkpoint is locked. */
const finalEvents = 2000

/**
 * Switches a build in: in one transaction it is brought to where the live table is, and the view turned to it.
 *
 * The live checkpoint is locked meanwhile, so that its projector waits; appends are not. Each wait for a lock is short and given up
 * in favour of readers, and tried again.
 *
 * @throws {PromoteBlockedError} all tries met a lock.
 */
export async function promoteBuild(
  store: EventStore,
  table: ReadModelTable,
  checkpoint: Checkpoint,
  { copy, signal, logger }: PromoteOptions,
): Promise<void> {
  for (let attempt = 1; ;) {
    signal?.throwIfAborted()
    await copy((await store.head()).position)
    try {
      if ((await switchOver(store, table, checkpoint)) === 'switched') return
      logger.debug({ table: table.name }, 'the build fell behind while it was switched in; it follows again')
    } catch (error) {
      const isLocked =
        error instanceof DatabaseError && (error.kind === 'lock-timeout' || error.kind === 'serialization')
      if (!isLocked) throw error
      if (attempt >= tries) throw new PromoteBlockedError(table.projection.name, tries, error)
      attempt++
      await checkpoint.renewLease()
      await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 200))
    }
  }
}

class FellBehind extends Error {}

async function switchOver(store: EventStore, table: ReadModelTable, checkpoint: Checkpoint) {
  try {
    await inTransaction(store.pool, (client) => switchWithin(client, store, table, checkpoint))
    return 'switched'
  } catch (error) {
    // Rolled back on purpose.
    if (error instanceof FellBehind) return 'behind'
    throw error
  }
}

async function switchWithin(
  client: ClientBase,
  store: EventStore,
  table: ReadModelTable,
  checkpoint: Checkpoint,
): Promise<void> {
  const { name, version } = table.projection
  const database = on(store.database, client)
  await execute(database, `set local lock_timeout = ${lockTimeoutMs}`)
  await lockProjection(database, name)
  const live = (await selectTables(database, [name])).find(({ status }) => status === 'live')
  if (live && live.version > version) throw new VersionNotLiveError(name, version, live.version)
  const liveCheckpoint = live && checkpointNameOf(live.table)
  const locked = await lockCheckpoints(database, [checkpoint.name, ...(liveCheckpoint ? [liveCheckpoint] : [])])
  const livePosition = (liveCheckpoint ? locked.get(liveCheckpoint) : undefined) ?? 0n
  await checkpoint.advance(client, await catchUp(client, database, table, checkpoint, livePosition))
  if (live && liveCheckpoint) {
    await updateTableStatus(database, live.table, 'previous')
    // Whoever writes the old table loses it here, and finds the new one in the registry.
    await retireCheckpoint(database, liveCheckpoint, `replaced by ${table.name}`)
  }
  await updateTableStatus(database, table.name, 'live')
  await freeCheckpoint(database, checkpoint.name)
  await failpoint?.('rebuild.before-switch')
  // Last, for readers wait from here on.
  await switchView(database, table.projection, shapeFor(table.projection, table.name), live?.version)
}

/** Folds what the live table is ahead, so that no reader ever sees the model go back. */
async function catchUp(
  client: ClientBase,
  database: Database,
  table: ReadModelTable,
  checkpoint: Checkpoint,
  livePosition: bigint,
): Promise<CheckpointPlace> {
  // Other transactions wait for this one, and may have all the connections that the pool or a pooler has.
  const log = logWithin(database)
  const epoch = await log.epoch()
  let place = checkpoint.place
  let left = finalEvents
  while (place.position < livePosition) {
    const batch = await readAfter({ log }, table, place.position, livePosition, left)
    await table.apply(client, batch.events)
    place = await placeAfter({ log }, batch, checkpoint, epoch)
    left -= batch.events.length
    if (left <= 0 && place.position < livePosition) throw new FellBehind()
  }
  return place
}
