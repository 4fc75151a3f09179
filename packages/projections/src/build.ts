import {
  Checkpoint,
  failpoint,
  inTransaction,
  listCheckpoints,
  on,
  type Database,
  type Logger,
} from '@tidemark/eventstore'
import type { Projection } from './define-projection.js'
import { RebuildRunningError, SchemaChangedError, VersionNotLiveError } from './errors.js'
import { shardsOf, type TableShard } from './names.js'
import { ownerName } from './owner-name.js'
import { lockProjection, selectTables, type RegisteredTable, type TableStatus } from './sql/registry-statements.js'
import { selectShardPositions } from './sql/select-shard-positions.js'
import { checkTable, createTable, dropTable, execute, refuseTenants } from './table-lifecycle.js'
import { logDatabaseFor, type ProjectionStore } from './projection-store.js'

/** A table that is being built. */
export interface Build {
  /** Without its schema. */
  readonly table: string
  /** The position that it goes to before it follows the live table and is switched in. */
  readonly target: bigint
  readonly shards: number
  /** From where on touched rows are folded again; undefined where all rows are. */
  readonly from: bigint | undefined
}

/** Drops the tables of a projection that nobody is served from. One that is still in use stays: the next call tries again. */
export async function dropTables(
  store: ProjectionStore,
  { name }: Projection,
  unwanted: readonly TableStatus[],
  logger: Logger,
): Promise<void> {
  const tables = (await selectTables(store.database, [name])).filter(({ status }) => unwanted.includes(status))
  for (const { table } of tables) {
    try {
      await inTransaction(store.pool, async (client) => {
        const database = on(store.database, client)
        await execute(database, 'set local lock_timeout = 2000')
        await lockProjection(database, name)
        // It may have gone live while the lock was waited for.
        const found = (await selectTables(database, [name])).find((each) => each.table === table)
        if (!found || !unwanted.includes(found.status)) return
        await dropTable(database, table)
        await failpoint?.('rebuild.before-drop')
      })
    } catch (error) {
      logger.warn({ err: error, table }, 'a table that is not needed any more could not be dropped')
    }
  }
}

export interface BuildOptions {
  readonly shards: number
  /** From where on touched rows are folded again; all rows unless given. */
  readonly from?: bigint | undefined
}

/**
 * Finds the build to go on with, or makes a new table with its checkpoints at the beginning, in one transaction.
 *
 * One that was begun in another way, from another position or with other columns, is dropped once nobody works on it. The target is fixed when
 * the build begins, so that "caught up" never depends on whether a batch happened to be short.
 *
 * @throws {SchemaChangedError} @throws {VersionNotLiveError}
 * @throws {RebuildRunningError} somebody works on a build that was begun in another way.
 */
export async function prepareBuild(
  store: ProjectionStore,
  projection: Projection,
  { shards, from }: BuildOptions,
): Promise<Build> {
  const { name, version } = projection
  const head = await store.head()
  return inTransaction(store.pool, async (client) => {
    const database = on(store.database, client)
    await lockProjection(database, name)
    const tables = await selectTables(database, [name])
    const live = tables.find(({ status }) => status === 'live')
    if (live && live.version > version) throw new VersionNotLiveError(name, version, live.version)
    if (live?.version === version) await checkTable(database, projection, live)
    const begun = tables.find((table) => table.status === 'building' && table.version === version)
    if (begun) {
      try {
        await checkTable(database, projection, begun)
        if (begun.from === from) {
          return { table: begun.table, target: begun.target ?? head.position, shards: begun.shards, from: begun.from }
        }
      } catch (error) {
        // The definition changed since that build began: nothing reads it, so it begins anew.
        if (!(error instanceof SchemaChangedError)) throw error
      }
      await dropBuild(database, begun)
    }
    await refuseTenants(logDatabaseFor(store, database), projection)
    const options = { status: 'building', shards, target: head.position, from } as const
    const { table } = await createTable(database, projection, options)
    await failpoint?.('rebuild.before-begin')
    return { table, target: head.position, shards, from }
  })
}

/** Drops a build with the leases of all its shards, so that nobody is at work on it. @throws {RebuildRunningError} */
async function dropBuild(database: Database, { name, table, shards }: RegisteredTable): Promise<void> {
  const owner = ownerName('rebuild')
  for (const { checkpoint } of shardsOf(table, shards)) {
    // The lease ends with the checkpoint, in this transaction.
    if (await Checkpoint.claimExisting(database, checkpoint, { owner, leaseMs: 0 })) continue
    const held = (await listCheckpoints(database, checkpoint)).find((each) => each.name === checkpoint)
    // One that is missing is nobody's.
    if (held) throw new RebuildRunningError(name, held.owner)
  }
  await dropTable(database, table)
}

/** The build of the code's version that another process has begun; undefined where there is none. */
export async function findBuild(
  { database }: ProjectionStore,
  { name, version }: Projection,
): Promise<Build | undefined> {
  const tables = await selectTables(database, [name])
  const begun = tables.find((table) => table.status === 'building' && table.version === version)
  if (begun?.target === undefined) return undefined
  return { table: begun.table, target: begun.target, shards: begun.shards, from: begun.from }
}

export interface ClaimOptions {
  readonly owner: string
  readonly leaseMs: number
  readonly signal?: AbortSignal
}

/** A shard of a build, and the checkpoint that was taken for it. */
export interface ClaimedShard {
  readonly part: TableShard
  readonly checkpoint: Checkpoint
}

/** Takes a shard that nobody works on and that is not at its target yet; undefined when there is none. */
export async function claimShard(
  { database }: ProjectionStore,
  { table, shards, target }: Build,
  options: ClaimOptions,
): Promise<ClaimedShard | undefined> {
  const positions = await selectShardPositions(database, table, shards)
  for (const [index, part] of shardsOf(table, shards).entries()) {
    // The first belongs to whoever leads.
    if (index === 0 || (positions[index] ?? 0n) >= target) continue
    // Where the build went live meanwhile there is none, and its rows are not to be touched.
    const checkpoint = await Checkpoint.claimExisting(database, part.checkpoint, options)
    if (checkpoint && checkpoint.place.position < target) return { part, checkpoint }
    await checkpoint?.release()
  }
  return undefined
}

/**
 * Takes one checkpoint of a build. The lease of a process that died is waited for; one that is renewed meanwhile belongs to a process that
 * lives.
 *
 * @throws {RebuildRunningError}
 */
export async function claimOrWait(
  { database }: ProjectionStore,
  { name }: Projection,
  checkpointName: string,
  { owner, leaseMs, signal }: ClaimOptions,
): Promise<Checkpoint> {
  let firstLease: number | undefined
  for (;;) {
    signal?.throwIfAborted()
    const checkpoint = await Checkpoint.claimExisting(database, checkpointName, { owner, leaseMs })
    // After the claim, for whoever ends a build needs its checkpoints: it may have ended before, and the table be live.
    const building = (await selectTables(database, [name])).some(
      ({ table, shards, status }) =>
        status === 'building' && shardsOf(table, shards).some(({ checkpoint: own }) => own === checkpointName),
    )
    if (!building) {
      await checkpoint?.release()
      throw new RebuildRunningError(name, undefined)
    }
    if (checkpoint) return checkpoint
    const held = (await listCheckpoints(database, checkpointName)).find((each) => each.name === checkpointName)
    const lease = held?.leaseUntil?.getTime()
    firstLease ??= lease
    if (lease !== undefined && lease !== firstLease) throw new RebuildRunningError(name, held?.owner)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
