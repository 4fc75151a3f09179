import { setTimeout as sleep } from 'node:timers/promises'
import {
  DatabaseError,
  inTransaction,
  on,
  type Checkpoint,
  type CheckpointPlace,
  type Database,
} from '@tidemark/eventstore'
import type { Build } from './build.js'
import type { Projection } from './define-projection.js'
import { NotComparableError, ProjectionDefinitionError, SchemaChangedError } from './errors.js'
import { snapshotOfLive } from './live-snapshot.js'
import { lockCheckpoints } from './sql/checkpoint-switch.js'
import { copyTable } from './sql/copy-table.js'
import { selectTables, type RegisteredTable } from './sql/registry-statements.js'
import { checkTable, execute } from './table-lifecycle.js'
import type { ProjectionStore } from './projection-store.js'

/** How long shards of the live table may take to meet at one position. */
const waitMs = 10_000

/**
 * Copies the live rows into a build, with what they lack, and moves the build's checkpoint to where they are: in one transaction, of one snapshot.
 *
 * The live table is held only until the snapshot is taken.
 *
 * @throws {ProjectionDefinitionError} there is no live table with the same columns. @throws {NotComparableError} its shards do not meet.
 */
export async function copyLive(
  store: ProjectionStore,
  projection: Projection,
  { table }: Build,
  checkpoint: Checkpoint,
): Promise<CheckpointPlace> {
  const live = await liveToCopy(store.database, projection)
  const until = performance.now() + waitMs
  for (;;) {
    const copying = inTransaction(store.pool, async (copier) => {
      const database = on(store.database, copier)
      await execute(database, 'set transaction isolation level repeatable read')
      // The snapshot is taken by the first statement, which keeps the lease's renewals off the row that is to be written.
      const takeSnapshot = async () => void (await lockCheckpoints(database, [checkpoint.name]))
      const position = await snapshotOfLive(store, projection, live, [], takeSnapshot)
      if (position === undefined) return undefined
      const [eventId, epoch] = [await store.log.lastEventId(position), await store.log.epoch()]
      const place = { position, eventId, epoch }
      await checkpoint.advance(copier, place)
      await copyTable(database, projection, { from: live.table, to: table, position })
      return place
    })
    const copied = await copying.catch((error: unknown) => {
      // Somebody wrote the row between the snapshot and the lock, or holds what is to be held.
      if (error instanceof DatabaseError && ['serialization', 'lock-timeout'].includes(error.kind)) return undefined
      throw error
    })
    if (copied) {
      checkpoint.committed(copied)
      return copied
    }
    if (performance.now() > until)
      throw new NotComparableError(projection.name, `the shards of ${live.table} do not meet at one position`)
    await sleep(50)
  }
}

async function liveToCopy(database: Database, projection: Projection): Promise<RegisteredTable> {
  const live = (await selectTables(database, [projection.name])).find(({ status }) => status === 'live')
  const refuse = (reason: string) => new ProjectionDefinitionError(projection.name, `${reason}: rebuild all of it`)
  if (!live) throw refuse('there is no live table whose rows could be kept')
  try {
    await checkTable(database, projection, live)
  } catch (error) {
    throw error instanceof SchemaChangedError ? refuse(`the rows of ${live.table} have other columns`) : error
  }
  return live
}
