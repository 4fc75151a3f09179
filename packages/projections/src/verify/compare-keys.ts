import { inTransaction, on } from '@tidemark/eventstore'
import type { Projection, RowKey } from '../define-projection.js'
import { liveTableOf, withStreamEnds, type LiveTable } from '../live-table.js'
import type { Row } from '../row.js'
import { TableStatements } from '../sql/table-statements.js'
import { asStored, differingProperties } from '../stored-row.js'
import { execute, shapeFor } from '../table-lifecycle.js'
import type { Refold, Refolded } from './refold.js'
import type { ProjectionStore } from '../projection-store.js'

/** A row that is not what the log says. */
export interface Drift {
  readonly key: RowKey
  /** What the fold of the log gives, as it would come back from the table; null for no row. */
  readonly expected: Row | null
  /** What the table has; null for no row. */
  readonly actual: Row | null
  /** The properties that differ; all where only one of the rows is there. */
  readonly columns: readonly string[]
}

/** A row of which the log does not say any more what it should be. */
export interface Unverifiable {
  readonly key: RowKey
  /** The streams that have lost their first events; ten at most where the events of any stream may touch the row. */
  readonly truncatedStreams: readonly string[]
}

export interface Comparison {
  readonly position: bigint
  readonly drifted: readonly Drift[]
  readonly unverifiable: readonly Unverifiable[]
}

/** Compares the live rows of some keys with what the log says that they were at exactly the table's position. */
export async function compareKeys(
  store: ProjectionStore,
  projection: Projection,
  refold: Refold,
  keys: readonly RowKey[],
): Promise<Comparison> {
  const { live, rows } = await readSnapshot(store, projection, keys)
  const refolded = await refold.upTo(store.database, live, keys)
  return { position: live.position, ...judge(projection, refolded, keys, rows) }
}

/** Rows and position in one snapshot: a batch of the projector is in both or in neither. */
async function readSnapshot(
  store: ProjectionStore,
  projection: Projection,
  keys: readonly RowKey[],
): Promise<{ readonly live: LiveTable; readonly rows: ReadonlyMap<RowKey, Row> }> {
  return inTransaction(store.pool, async (client) => {
    const database = on(store.database, client)
    await execute(database, 'set transaction isolation level repeatable read, read only')
    const live = await withStreamEnds(database, projection, await liveTableOf(database, projection), keys)
    const rows = await new TableStatements(shapeFor(projection, live.table)).selectRows(database, keys)
    return { live, rows }
  })
}

/** @throws what the fold of a key threw whose history is all there. */
export function judge(
  projection: Projection,
  refolded: Refolded,
  keys: readonly RowKey[],
  rows: ReadonlyMap<RowKey, Row>,
): { readonly drifted: Drift[]; readonly unverifiable: Unverifiable[] } {
  const drifted: Drift[] = []
  const unverifiable: Unverifiable[] = []
  for (const key of keys) {
    const failure = refolded.failureOf(key)
    const [folded, actual] = [refolded.rowOf(key), rows.get(key) ?? null]
    const columns = differingProperties(projection.columns, folded, actual)
    const truncatedStreams = refolded.truncatedFor(key, !failure && columns.length === 0)
    if (truncatedStreams.length > 0) unverifiable.push({ key, truncatedStreams })
    else if (failure) throw failure
    else if (columns.length > 0) {
      drifted.push({ key, expected: folded && asStored(projection.columns, folded), actual, columns })
    }
  }
  return { drifted, unverifiable }
}
