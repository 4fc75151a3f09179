import { Checkpoint, inTransaction, listCheckpoints, on, type EventStore, type Logger } from '@tidemark/eventstore'
import type { Projection } from './define-projection.js'
import { RebuildRunningError, SchemaChangedError, VersionNotLiveError } from './errors.js'
import { checkpointNameOf } from './names.js'
import { lockProjection, selectTables } from './sql/registry-statements.js'
import { checkTable, createTable, dropTable, execute, nextTable } from './table-lifecycle.js'

/** A table that is being built. */
export interface Build {
  /** Without its schema. */
  readonly table: string
  /** The position that it goes to before it follows the live table and is switched in. */
  readonly target: bigint
}

/** Drops the tables that earlier rebuilds replaced. One that is still in use stays: the next rebuild tries again. */
export async function dropReplaced(store: EventStore, { name }: Projection, logger: Logger): Promise<void> {
  const replaced = (await selectTables(store.database, [name])).filter(({ status }) => status === 'previous')
  for (const { table } of replaced) {
    try {
      await inTransaction(store.pool, async (client) => {
        const database = on(store.database, client)
        await execute(database, 'set local lock_timeout = 2000')
        await lockProjection(database, name)
        await dropTable(database, table)
      })
    } catch (error) {
      logger.warn({ err: error, table }, 'a replaced table could not be dropped')
    }
  }
}

/**
 * Finds the build to go on with, or makes a new table with its checkpoint at the beginning, in one transaction.
 *
 * The target is fixed when the build begins, so that "caught up" never depends on whether a batch happened to be short.
 *
 * @throws {SchemaChangedError} @throws {VersionNotLiveError}
 */
export async function prepareBuild(store: EventStore, projection: Projection): Promise<Build> {
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
        return { table: begun.table, target: begun.target ?? head.position }
      } catch (error) {
        // The definition changed since that build began: nothing reads it, so it begins anew.
        if (!(error instanceof SchemaChangedError)) throw error
        await dropTable(database, begun.table)
      }
    }
    const { table } = await createTable(database, projection, nextTable(projection, tables), 'building', head.position)
    return { table, target: head.position }
  })
}

/**
 * Takes a build. The lease of a process that died is waited for; one that is renewed meanwhile belongs to a process that lives.
 *
 * @throws {RebuildRunningError}
 */
export async function claimBuild(
  { database }: EventStore,
  { name }: Projection,
  { table }: Build,
  { owner, leaseMs, signal }: { readonly owner: string; readonly leaseMs: number; readonly signal?: AbortSignal },
): Promise<Checkpoint> {
  const checkpointName = checkpointNameOf(table)
  let firstLease: number | undefined
  for (;;) {
    signal?.throwIfAborted()
    const checkpoint = await Checkpoint.claim(database, checkpointName, { owner, leaseMs })
    if (checkpoint) return checkpoint
    const held = (await listCheckpoints(database, checkpointName)).find((each) => each.name === checkpointName)
    const lease = held?.leaseUntil?.getTime()
    firstLease ??= lease
    if (lease !== undefined && lease !== firstLease) throw new RebuildRunningError(name, held?.owner)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
