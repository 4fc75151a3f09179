import type { Database } from '@tidemark/eventstore'
import type { Projection, RowKey } from './define-projection.js'
import { TableMissingError, VersionNotLiveError } from './errors.js'
import { checkpointNameOf } from './names.js'
import { lockCheckpoints } from './sql/checkpoint-switch.js'
import { selectTables, type RegisteredTable } from './sql/registry-statements.js'

/** The live table of a projection, and up to where its rows are folded. */
export interface LiveTable extends RegisteredTable {
  readonly position: bigint
  /** Up to where the row of a key is folded. */
  positionOf(key: RowKey): bigint
}

/**
 * Finds the live table and its position. Rows that are read in the same snapshot are folded up to exactly there.
 *
 * @throws {TableMissingError} @throws {VersionNotLiveError} another version is live.
 */
export async function liveTableOf(database: Database, { name, version }: Projection): Promise<LiveTable> {
  const live = (await selectTables(database, [name])).find(({ status }) => status === 'live')
  if (!live) throw new TableMissingError(name)
  if (live.version !== version) throw new VersionNotLiveError(name, version, live.version)
  const position = live.position ?? 0n
  return { ...live, position, positionOf: () => position }
}

/** The same, and nobody else writes its rows until the caller's transaction, READ COMMITTED, ends. */
export async function lockLiveTable(database: Database, projection: Projection): Promise<LiveTable> {
  for (;;) {
    const { table } = await liveTableOf(database, projection)
    await lockCheckpoints(database, [checkpointNameOf(table)])
    // Another one may have been switched in while this waited for the lock; from here on none can be.
    const locked = await liveTableOf(database, projection)
    if (locked.table === table) return locked
  }
}
