import {
  Checkpoint,
  failpoint,
  inTransaction,
  listCheckpoints,
  on,
  type AttachFeederOptions,
  type FedTable,
} from '@tidemark/eventstore'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientBase } from 'pg'
import { catchUpWithin, FellBehind } from '../catch-up.js'
import type { Projection } from '../define-projection.js'
import { ProjectionDefinitionError, ProjectionFedError, ProjectionFollowedError } from '../errors.js'
import { shardsOf } from '../names.js'
import { ownerName } from '../owner-name.js'
import { logDatabaseFor, type ProjectionStore } from '../projection-store.js'
import { markFed, withdrawCheckpoints } from '../sql/inline-statements.js'
import { lockProjection, selectTables, type RegisteredTable } from '../sql/registry-statements.js'
import { ensureLiveTable, refuseTenants } from '../table-lifecycle.js'
import { TableParts } from '../table-parts.js'
import { LiveFedTable, tableIdOf } from './live-fed-table.js'

const task = 'attach'
const leaseMs = 10_000
const limits = { batchSize: 2000, writeAfterMs: 10_000, rowsPerTransaction: 20_000 }

/**
 * Finds the table that a feeder feeds, or takes the live one over: it is brought to the head of the log, and its checkpoints are withdrawn there.
 *
 * @throws {ProjectionFedError} another group feeds it. @throws {ProjectionFollowedError} a projector has it.
 * @throws {VersionNotLiveError} @throws {SchemaChangedError} the live table is not the definition's.
 */
export async function attachFeeder(
  store: ProjectionStore,
  projection: Projection,
  options: AttachFeederOptions,
): Promise<FedTable> {
  const { name } = projection
  await refuseTenants(logDatabaseFor(store, store.database), projection)
  for (;;) {
    options.signal?.throwIfAborted()
    const live = await inTransaction(store.pool, (client) => ensureLiveTable(on(store.database, client), projection))
    if (live.fedBy !== undefined) {
      if (live.fedBy !== options.feeder) throw new ProjectionFedError(name, live.fedBy)
      return new LiveFedTable(store, projection, { ...live, feeder: live.fedBy })
    }
    if (live.inline)
      throw new ProjectionDefinitionError(
        name,
        'appends keep it: rebuild it with keptBy "projector" and take it out of `inline`, then a consumer group can feed it',
      )
    // Another process of the group is at it: its work is waited for.
    if (!(await takeOver(store, projection, live, options))) await sleep(200)
  }
}

/** False when another process of the feeder takes it over. */
async function takeOver(
  store: ProjectionStore,
  projection: Projection,
  live: RegisteredTable,
  options: AttachFeederOptions,
): Promise<boolean> {
  const owner = ownerName(task)
  if (!(await claimAll(store, live, owner))) return false
  const parts = await TableParts.take(store, projection, live, { owner, leaseMs })
  try {
    // What the feed has had by now was read from the log, so it is at or below the head that is read next.
    const storeBeginning = await options.begin()
    for (;;) {
      options.signal?.throwIfAborted()
      await parts.copy((await store.head()).position, { ...limits, ...(options.signal && { signal: options.signal }) })
      try {
        await inTransaction(store.pool, (client) =>
          handOver(client, store, { projection, live, parts, feeder: options.feeder, storeBeginning }),
        )
        return true
      } catch (error) {
        if (!(error instanceof FellBehind)) throw error
      }
    }
  } finally {
    await parts.letGo()
  }
}

/** Takes all checkpoints of a table, from nobody; false when another process that attaches has one. */
async function claimAll({ database }: ProjectionStore, live: RegisteredTable, owner: string): Promise<boolean> {
  const claimed: Checkpoint[] = []
  for (const name of checkpointsOf(live)) {
    const checkpoint = await Checkpoint.claimExisting(database, name, { owner, leaseMs })
    if (checkpoint) {
      claimed.push(checkpoint)
      continue
    }
    for (const each of claimed) await each.release()
    const held = (await listCheckpoints(database, name)).find((each) => each.name === name)
    if (!held || held.owner?.startsWith(`${task}/`) || held.owner?.startsWith(feederOwner(''))) return false
    throw new ProjectionFollowedError(live.name, held.owner)
  }
  return true
}

async function handOver(
  client: ClientBase,
  store: ProjectionStore,
  at: {
    readonly projection: Projection
    readonly live: RegisteredTable
    readonly parts: TableParts
    readonly feeder: string
    readonly storeBeginning: Awaited<ReturnType<AttachFeederOptions['begin']>>
  },
): Promise<void> {
  const { projection, live, parts, feeder, storeBeginning } = at
  const database = on(store.database, client)
  await lockProjection(database, projection.name)
  const now = (await selectTables(database, [projection.name])).find(({ status }) => status === 'live')
  // Switched or taken over meanwhile: what is there now is looked at anew.
  if (now?.table !== live.table || now.fedBy !== undefined) return
  // All shards to one place, which is that of the rows from then on.
  await catchUpWithin(client, database, parts, parts.furthest)
  await markFed(database, live.table, feeder)
  await withdrawCheckpoints(database, checkpointsOf(live), feederOwner(feeder))
  await storeBeginning(client, tableIdOf(live.table))
  await failpoint?.('feed.attached')
}

const feederOwner = (feeder: string) => `consumer group ${feeder}`
const checkpointsOf = ({ table, shards }: RegisteredTable) =>
  shardsOf(table, shards).map(({ checkpoint }) => checkpoint)
