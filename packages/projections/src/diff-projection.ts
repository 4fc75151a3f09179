import { setTimeout as sleep } from 'node:timers/promises'
import { DatabaseError, inRolledBackTransaction, on, type Database } from '@tidemark/eventstore'
import { FellBehind, foldWithin } from './catch-up.js'
import { keyColumnOf, type Projection } from './define-projection.js'
import { NotComparableError } from './errors.js'
import { ownerName } from './owner-name.js'
import { tableOf } from './promote.js'
import { snapshotOfLive } from './live-snapshot.js'
import { countDifferences, sampleDifferences, type DifferentRow, type TablesToCompare } from './sql/diff-tables.js'
import { selectTables, type RegisteredTable } from './sql/registry-statements.js'
import { selectTableColumns } from './sql/select-table-columns.js'
import { TableParts } from './table-parts.js'
import { execute } from './table-lifecycle.js'
import type { ProjectionStore } from './projection-store.js'

export interface DiffOptions {
  /** How many rows that differ are shown; 20 unless said. */
  readonly sample?: number
  /** What the live table is compared with: the one that waits to be promoted, unless said, or the one that was live before. */
  readonly with?: 'built' | 'previous'
  /** How long to wait for a projector to bring the live table up to the other; 10,000 ms unless said. */
  readonly waitMs?: number
  readonly leaseMs?: number
  readonly signal?: AbortSignal
}

/** How the rows of two tables differ at one position. */
export interface ProjectionDiff {
  /** The position that both tables had. */
  readonly position: bigint
  /** The live table, and the one that it was compared with; without their schema. */
  readonly live: string
  readonly other: string
  /** Rows that only the other has, that only the live one has, that differ, and that are the same. */
  readonly added: number
  readonly removed: number
  readonly changed: number
  readonly unchanged: number
  /** How many rows differ in a column; by the columns that both tables have. */
  readonly changedByColumn: Readonly<Record<string, number>>
  /** Columns that only the other table has, and that only the live one has; they count as no change of a row. */
  readonly addedColumns: readonly string[]
  readonly removedColumns: readonly string[]
  /** Some of the rows that differ, in the order of their keys. */
  readonly sample: readonly DifferentRow[]
}

/**
 * Compares the live table with the one that a rebuild has built, row by row, at one position of the log.
 *
 * The live table is held for the moment that it takes to take a snapshot, in which the other one is then brought to its position; projectors go
 * on meanwhile. What costs is the reading of both tables. Needs two connections of the pool at once.
 *
 * @throws {NoSuchTableError} there is nothing to compare with.
 * @throws {NotComparableError} the tables do not come to one position.
 *
 * @example
 * const { added, changed, removed, sample } = await diffProjection(store, orderSummary)
 */
export async function diffProjection(
  store: ProjectionStore,
  projection: Projection,
  options: DiffOptions = {},
): Promise<ProjectionDiff> {
  const { with: status = 'built', sample = 20, leaseMs = 10_000 } = options
  const tables = await selectTables(store.database, [projection.name])
  const other = tableOf(tables, projection, status)
  const live = tableOf(tables, projection, 'live')
  const parts =
    other.version === projection.version
      ? await TableParts.take(store, projection, other, { owner: ownerName('diff'), leaseMs })
      : undefined
  try {
    const { compared, addedColumns, removedColumns } = await columnsToCompare(store, projection, live, other)
    return await atOnePosition(store, projection, { live, other, parts, ...options }, async (database, position) => {
      const { changedByColumn, ...counts } = await countDifferences(database, compared)
      const rows = await sampleDifferences(database, compared, sample)
      return {
        ...{ position, live: live.table, other: other.table },
        ...counts,
        changedByColumn: Object.fromEntries(changedByColumn),
        ...{ addedColumns, removedColumns, sample: rows },
      }
    })
  } finally {
    await parts?.letGo()
  }
}

interface Comparison extends DiffOptions {
  readonly live: RegisteredTable
  readonly other: RegisteredTable
  readonly parts: TableParts | undefined
}

/** Compares in a snapshot in which both tables are at one position. */
async function atOnePosition<T>(
  store: ProjectionStore,
  projection: Projection,
  comparison: Comparison,
  compare: (database: Database, position: bigint) => Promise<T>,
): Promise<T> {
  const { live, other, parts, waitMs = 10_000, signal } = comparison
  const until = performance.now() + waitMs
  const limits = { batchSize: 2000, writeAfterMs: 10_000, rowsPerTransaction: 20_000 }
  for (;;) {
    signal?.throwIfAborted()
    const [now] = (await selectTables(store.database, [live.name])).filter(({ table }) => table === live.table)
    const near = now?.inline === true ? (await store.head()).position : now?.position
    if (parts && near !== undefined) await parts.copy(near, limits)
    try {
      // What the other table lacks is folded for the comparison alone.
      return await inRolledBackTransaction(store.pool, async (client) => {
        const database = on(store.database, client)
        // Its connection is there before anything is locked: whoever waits for the lock may have all the others of a pooler.
        await execute(database, 'set transaction isolation level repeatable read')
        const held = { ...live, inline: now?.inline === true }
        const position = await snapshotOfLive(store, projection, held, parts ? [] : [other], async (at) => {
          if (parts && parts.furthest > at) throw new FellBehind()
          // The snapshot is taken by the first statement.
          await execute(database, 'select 1')
        })
        if (position === undefined) throw new FellBehind()
        if (parts) await foldWithin(client, database, parts, position)
        return compare(database, position)
      })
    } catch (error) {
      const isLocked = error instanceof DatabaseError && error.kind === 'lock-timeout'
      if (!(error instanceof FellBehind) && !isLocked) throw error
    }
    if (performance.now() > until) throw new NotComparableError(projection.name, reasonFor(live, other, parts))
    await sleep(50)
  }
}

function reasonFor(live: RegisteredTable, other: RegisteredTable, parts: TableParts | undefined): string {
  if (parts && parts.furthest > (live.furthest ?? 0n))
    return `the live table ${live.table} is at position ${live.position ?? 0n} and does not come up to ${parts.furthest}, where ${other.table} is: start a projector with version ${live.version}`
  return `${live.table} and ${other.table} do not come to one position: see that a projector runs with version ${live.version}, and one with version ${other.version}`
}

async function columnsToCompare(
  { database }: ProjectionStore,
  projection: Projection,
  live: RegisteredTable,
  other: RegisteredTable,
): Promise<{ compared: TablesToCompare; addedColumns: string[]; removedColumns: string[] }> {
  const key = keyColumnOf(projection).column
  const [before, after] = [
    await selectTableColumns(database, live.table),
    await selectTableColumns(database, other.table),
  ]
  const names = (columns: typeof before) => columns.map(({ column }) => column)
  const columns = names(before).filter((column) => names(after).includes(column))
  if (!columns.includes(key))
    throw new NotComparableError(
      projection.name,
      `column ${key}, the key, is not in both ${live.table} and ${other.table}`,
    )
  return {
    compared: { before: live.table, after: other.table, key, columns },
    addedColumns: names(after).filter((column) => !columns.includes(column)),
    removedColumns: names(before).filter((column) => !columns.includes(column)),
  }
}
