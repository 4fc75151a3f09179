import {
  DatabaseError,
  failpoint,
  inTransaction,
  on,
  type CheckpointPlace,
  type Database,
  type Logger,
} from '@tidemark/eventstore'
import type { ClientBase } from 'pg'
import { setTimeout as sleep } from 'node:timers/promises'
import { catchUpWithin, FellBehind } from './catch-up.js'
import type { Projection } from './define-projection.js'
import { PromoteBlockedError, TableBehindError } from './errors.js'
import { shardsOf } from './names.js'
import { excludeAppends, excludeConsumers, handToAppends, takeFromAppends } from './inline-switch.js'
import { lockCheckpoints, reshard } from './sql/checkpoint-switch.js'
import { lockProjection, selectTables, updateTableStatus, type RegisteredTable } from './sql/registry-statements.js'
import type { CopyLimits, TableParts } from './table-parts.js'
import { execute, switchView } from './table-lifecycle.js'
import { logDatabaseFor, type ProjectionStore } from './projection-store.js'

export interface SwitchOptions {
  /** The shards of the table, brought forward by this code; undefined for a table of another version, which follows the log elsewhere. */
  readonly parts: TableParts | undefined
  readonly limits: CopyLimits
  /** Who keeps the table up to date from then on; whoever keeps the live one unless said. */
  readonly keptBy?: 'projector' | 'appends' | undefined
  readonly signal?: AbortSignal | undefined
  readonly logger: Logger
}

const tries = 60
const lockTimeoutMs = 250

/**
 * Makes a table the live one: in one transaction it is brought to where the live one is, and the view turned to it.
 *
 * The checkpoints of both are locked meanwhile, so that their projectors wait; appends are not, unless it is they who keep the table. Each wait for a lock is short and given up in favour
 * of readers, and tried again. The table that was live follows the log as before, and stays for a rollback.
 *
 * @throws {PromoteBlockedError} all tries met a lock. @throws {TableBehindError} a table of another version does not come up to the live one.
 */
export async function switchTable(
  store: ProjectionStore,
  projection: Projection,
  table: Pick<RegisteredTable, 'table' | 'version' | 'shards'>,
  { parts, limits, keptBy, signal, logger }: SwitchOptions,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted()
    await parts?.copy((await store.head()).position, limits)
    try {
      await inTransaction(store.pool, (client) => switchWithin(client, store, projection, table, { parts, keptBy }))
      break
    } catch (error) {
      if (error instanceof FellBehind) {
        logger.debug({ table: table.table }, 'the table fell behind while it was switched in; it follows again')
        // It gets nearer with each turn where it is brought forward here, and somebody else may take his time.
        if (parts) attempt--
        else if (attempt >= tries) throw new TableBehindError(projection.name, table.table, table.version)
      } else if (error instanceof DatabaseError && ['lock-timeout', 'serialization'].includes(error.kind)) {
        if (attempt >= tries) throw new PromoteBlockedError(projection.name, tries, error)
      } else throw error
    }
    if (attempt > 0) await sleep(50 + Math.random() * 200)
  }
  await failpoint?.('rebuild.after-switch')
}

async function switchWithin(
  client: ClientBase,
  store: ProjectionStore,
  { name, shards }: Projection,
  chosen: Pick<RegisteredTable, 'table' | 'version' | 'shards'>,
  { parts, keptBy }: Pick<SwitchOptions, 'parts' | 'keptBy'>,
): Promise<void> {
  const database = on(store.database, client)
  await execute(database, `set local lock_timeout = ${lockTimeoutMs}`)
  await lockProjection(database, name)
  const tables = await selectTables(database, [name])
  const live = tables.find(({ status }) => status === 'live')
  if (live?.table === chosen.table) return
  const checkpointsOf = (of: Pick<RegisteredTable, 'table' | 'shards'> | undefined) =>
    of ? shardsOf(of.table, of.shards).map(({ checkpoint }) => checkpoint) : []
  const positions = await lockCheckpoints(database, [...checkpointsOf(live), ...checkpointsOf(chosen)])
  // Readers of a live table with shards may have seen as much as the furthest of them has brought.
  const furthest = furthestOf(checkpointsOf(live), positions)
  const inline = keptBy === undefined ? live?.inline === true : keptBy === 'appends'
  const wanted = await wantedPosition(store, database, { name, live, inline, furthest })
  if (parts) {
    const place = await bringTo(client, database, parts, wanted)
    await reshard(database, chosen, shards, place)
  } else if (checkpointsOf(chosen).some((checkpoint) => (positions.get(checkpoint) ?? 0n) < wanted)) {
    throw new FellBehind()
  }
  if (live?.inline) await takeFromAppends(database, live, wanted)
  if (live) await updateTableStatus(database, live.table, 'previous')
  await updateTableStatus(database, chosen.table, 'live')
  if (inline) await handToAppends(database, { table: chosen.table, shards: parts ? shards : chosen.shards })
  await failpoint?.('rebuild.before-switch')
  // Last, for readers wait from here on.
  await switchView(database, { ...chosen, name }, live?.version)
}

/** Where the table has to be brought before it is switched in, with whoever keeps the live one excluded. */
async function wantedPosition(
  store: ProjectionStore,
  database: Database,
  at: {
    readonly name: string
    readonly live: RegisteredTable | undefined
    readonly inline: boolean
    readonly furthest: bigint
  },
): Promise<bigint> {
  const { name, live, inline, furthest } = at
  // The same lock keeps consumers out.
  if (inline || live?.inline) return excludeAppends(database, name)
  if (live?.fedBy !== undefined) return excludeConsumers(logDatabaseFor(store, database), database, name)
  return furthest
}

function bringTo(client: ClientBase, database: Database, parts: TableParts, wanted: bigint): Promise<CheckpointPlace> {
  return catchUpWithin(client, database, parts, parts.furthest > wanted ? parts.furthest : wanted)
}

function furthestOf(checkpoints: readonly string[], positions: ReadonlyMap<string, bigint>): bigint {
  return checkpoints.reduce((most, name) => {
    const position = positions.get(name) ?? 0n
    return position > most ? position : most
  }, 0n)
}
