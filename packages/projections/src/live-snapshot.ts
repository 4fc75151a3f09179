import { inTransaction, on, type Database } from '@tidemark/eventstore'
import type { Projection } from './define-projection.js'
import { ProjectionFedError } from './errors.js'
import { excludeAppends } from './inline-switch.js'
import { shardsOf } from './names.js'
import { lockCheckpoints } from './sql/checkpoint-switch.js'
import type { RegisteredTable } from './sql/registry-statements.js'
import { execute } from './table-lifecycle.js'
import type { ProjectionStore } from './projection-store.js'

/** How long a batch or an append may keep the tables from being held. */
const lockTimeoutMs = 2000

/**
 * Holds the live table, and other tables with it, at one position for the moment in which `takeSnapshot` takes one elsewhere.
 *
 * What that snapshot has of these tables is what they come to at the position that is returned; undefined where shards or tables are apart, and no
 * snapshot was taken.
 *
 * @throws {DatabaseError} of kind `lock-timeout`: somebody was at work for too long. @throws {ProjectionFedError} its rows are at no position.
 */
export async function snapshotOfLive(
  store: ProjectionStore,
  { name }: Projection,
  live: Pick<RegisteredTable, 'table' | 'shards' | 'inline' | 'fedBy'>,
  others: readonly Pick<RegisteredTable, 'table' | 'shards'>[],
  takeSnapshot: (position: bigint) => Promise<void>,
): Promise<bigint | undefined> {
  if (live.fedBy !== undefined) throw new ProjectionFedError(name, live.fedBy)
  return inTransaction(store.pool, async (client) => {
    const database: Database = on(store.database, client)
    await execute(database, `set local lock_timeout = ${lockTimeoutMs}`)
    const followed = live.inline ? others : [live, ...others]
    const names = followed.flatMap(({ table, shards }) => shardsOf(table, shards).map(({ checkpoint }) => checkpoint))
    const followedTo = await lockCheckpoints(database, names)
    const keptTo = live.inline ? [await excludeAppends(database, name)] : []
    const [position, ...rest] = new Set([...keptTo, ...followedTo.values()])
    if (position === undefined || rest.length > 0) return undefined
    await takeSnapshot(position)
    return position
  })
}
