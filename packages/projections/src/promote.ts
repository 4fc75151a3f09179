import { silentLogger, type Logger } from '@tidemark/eventstore'
import type { Projection } from './define-projection.js'
import { NoSuchTableError } from './errors.js'
import { ownerName } from './owner-name.js'
import { selectTables, type RegisteredTable, type TableStatus } from './sql/registry-statements.js'
import { switchTable } from './switch-table.js'
import { TableParts } from './table-parts.js'
import type { ProjectionStore } from './projection-store.js'

export interface PromoteOptions {
  readonly signal?: AbortSignal
  /** How long another process waits before it takes over when this one dies; 10,000 ms unless said. */
  readonly leaseMs?: number
  readonly logger?: Logger
}

/** What is live after a switch, and what was before. */
export interface PromoteResult {
  /** Without its schema. */
  readonly table: string
  readonly version: number
  readonly previousTable: string | undefined
  readonly previousVersion: number | undefined
}

/**
 * Makes the table live that `rebuildProjection` with `promote: false` has built.
 *
 * It is brought to where the live one is first, so no reader sees the model go back; appends are never held up. The table that was live
 * stays, and follows the log as long as a projector with its version runs, until the next rebuild: see {@link rollbackProjection}.
 *
 * @throws {NoSuchTableError} there is no table that waits to be promoted.
 * @throws {PromoteBlockedError} readers held the view through all tries; call again.
 *
 * @example
 * await rebuildProjection(store, orderSummary, { promote: false })
 * const { added, changed, removed } = await diffProjection(store, orderSummary)
 * if (changed < 100) await promoteProjection(store, orderSummary)
 */
export async function promoteProjection(
  store: ProjectionStore,
  projection: Projection,
  options: PromoteOptions = {},
): Promise<PromoteResult> {
  return bringLive(store, projection, 'built', options)
}

/**
 * Makes the table live again that was live before; the one that is live now stays as its successor, so a second call takes the rollback back.
 *
 * Like a promote it never lets a reader see the model go back: a table of another version must have followed the log, by a projector that has its
 * code.
 *
 * @throws {NoSuchTableError} nothing was live before, or it was dropped by a later rebuild.
 * @throws {TableBehindError} the table of another version did not come up to the live one.
 * @throws {PromoteBlockedError} readers held the view through all tries; call again.
 */
export async function rollbackProjection(
  store: ProjectionStore,
  projection: Projection,
  options: PromoteOptions = {},
): Promise<PromoteResult> {
  return bringLive(store, projection, 'previous', options)
}

async function bringLive(
  store: ProjectionStore,
  projection: Projection,
  status: TableStatus,
  { signal, leaseMs = 10_000, logger = silentLogger }: PromoteOptions,
): Promise<PromoteResult> {
  const tables = await selectTables(store.database, [projection.name])
  const chosen = tableOf(tables, projection, status)
  const live = tables.find((table) => table.status === 'live')
  const limits = { batchSize: 2000, writeAfterMs: 10_000, rowsPerTransaction: 20_000, ...(signal && { signal }) }
  const parts =
    chosen.version === projection.version
      ? await TableParts.take(store, projection, chosen, { owner: ownerName('promote'), leaseMs })
      : undefined
  try {
    await switchTable(store, projection, chosen, { parts, limits, signal, logger })
  } finally {
    await parts?.letGo()
  }
  return {
    ...{ table: chosen.table, version: chosen.version },
    ...{ previousTable: live?.table, previousVersion: live?.version },
  }
}

/** The newest table of a status; a table that was built belongs to the version of the code. */
export function tableOf(
  tables: readonly RegisteredTable[],
  projection: Projection,
  status: TableStatus,
): RegisteredTable {
  const fits = ({ version, fedBy }: RegisteredTable) =>
    // Nothing tells which events are in the rows of one that was fed, so nobody can bring it forward.
    (status !== 'previous' || fedBy === undefined) && (status !== 'built' || version === projection.version)
  const found = tables.findLast((table) => table.status === status && fits(table))
  if (!found) throw new NoSuchTableError(projection.name, projection.version, status)
  return found
}
