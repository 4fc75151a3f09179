import { selectStreamShards, type Database } from '@tidemark/eventstore'
import type { Projection, RowKey } from './define-projection.js'
import { ProjectionFedError, TableMissingError, VersionNotLiveError } from './errors.js'
import { shardsOf } from './names.js'
import { rowShardIndex } from './shard.js'
import { lockCheckpoints } from './sql/checkpoint-switch.js'
import { excludeInline } from './sql/inline-statements.js'
import { selectLastPosition, selectStreamEnds, type StreamEnd } from './sql/select-stream-ends.js'
import { execute } from './table-lifecycle.js'
import { selectTables, type RegisteredTable } from './sql/registry-statements.js'
import { selectSetAside } from './sql/select-set-aside.js'
import { selectShardPositions } from './sql/select-shard-positions.js'
import { streamIdsOf } from './stream-ids-of.js'

/** The live table of a projection, and which events are in its rows. */
export interface LiveTable extends RegisteredTable {
  /** Where all of its shards have come. */
  readonly position: bigint
  /** Where each has. */
  readonly positions: readonly bigint[]
  /** The events that it lacks, with the rows that lack them; no keys where they are not known. */
  readonly setAside: ReadonlyMap<bigint, ReadonlySet<string>>
  /** Where the streams end that were asked for: see {@link withStreamEnds}. */
  readonly streamEnds?: ReadonlyMap<string, StreamEnd>
}

/**
 * Finds the live table and where it is. Rows that are read in the same snapshot have the events up to exactly there.
 *
 * @throws {TableMissingError} @throws {VersionNotLiveError} another version is live. @throws {ProjectionFedError} its rows have no position.
 */
export async function liveTableOf(database: Database, { name, version }: Projection): Promise<LiveTable> {
  const live = (await selectTables(database, [name])).find(({ status }) => status === 'live')
  if (!live) throw new TableMissingError(name)
  if (live.version !== version) throw new VersionNotLiveError(name, version, live.version)
  if (live.fedBy !== undefined) throw new ProjectionFedError(name, live.fedBy)
  const positions = live.inline
    ? [await selectLastPosition(database)]
    : await selectShardPositions(database, live.table, live.shards)
  // After the positions: what was set aside below them is there by then.
  const setAside = await selectSetAside(database, live.table)
  const position = positions.reduce((lowest, each) => (each < lowest ? each : lowest))
  return { ...live, position, positions, setAside }
}

/** The same as {@link liveTableOf}, and nobody else writes its rows until the caller's transaction, READ COMMITTED, ends. */
export async function lockLiveTable(database: Database, projection: Projection): Promise<LiveTable> {
  for (;;) {
    const { table, shards, inline } = await liveTableOf(database, projection)
    const names = shardsOf(table, shards).map(({ checkpoint }) => checkpoint)
    await lockCheckpoints(database, names)
    if (inline) await keepAppendsOut(database, projection)
    // Another one may have been switched in while this waited for the locks; from here on none can be.
    const locked = await liveTableOf(database, projection)
    if (locked.table === table && locked.shards === shards) return locked
  }
}

/**
 * A live table with the ends of the streams of some keys in the caller's snapshot where appends keep it: a row has the events of its stream that
 * are committed, and no position tells them from others.
 */
export async function withStreamEnds(
  database: Database,
  projection: Projection,
  live: LiveTable,
  keys: readonly RowKey[],
): Promise<LiveTable> {
  if (!live.inline) return live
  const streamIds = keys.flatMap((key) => streamIdsOf(projection, key))
  return { ...live, streamEnds: await selectStreamEnds(database, streamIds) }
}

/** Up to where the rows of some keys have events, for a projection whose keys are the ids of aggregates. */
export async function positionsOfKeys(
  database: Database,
  projection: Projection,
  { shards, positions, streamEnds }: LiveTable,
  keys: readonly RowKey[],
): Promise<(key: RowKey) => bigint> {
  if (streamEnds) return (key) => streamEnds.get(streamIdsOf(projection, key)[0] ?? '')?.position ?? 0n
  const at = (shard: number | undefined) => positions[shard ?? 0] ?? 0n
  if (shards === 1 || !projection.keyedByStream) return (key) => at(rowShardIndex(key, shards))
  const byStream = await selectStreamShards(
    database,
    keys.flatMap((key) => streamIdsOf(projection, key)),
    shards,
  )
  return (key) => at(byStream.get(streamIdsOf(projection, key)[0] ?? ''))
}

/** Whether the row of a key lacks the event at a position. */
export function lacks({ setAside }: Pick<LiveTable, 'setAside'>, key: RowKey, position: bigint): boolean {
  const keys = setAside.get(position)
  return keys !== undefined && (keys.size === 0 || keys.has(String(key)))
}

/** While it waits for one append, all others of the projection wait behind it: not for long. */
async function keepAppendsOut(database: Database, { name }: Projection): Promise<void> {
  await execute(database, 'set local lock_timeout = 1000')
  await excludeInline(database, name)
  await execute(database, 'set local lock_timeout = 0')
}
