import type { Projection, RowKey } from '../define-projection.js'
import { ProjectionDefinitionError } from '../errors.js'
import { RowFold } from '../fold-rows.js'
import type { Row } from '../row.js'
import { refuseTenants } from '../table-lifecycle.js'
import type { ReplayOptions, ReplayResult } from './replay-options.js'
import { replayRange } from './replay-range.js'
import { logDatabaseFor, type ProjectionStore } from '../projection-store.js'

/** Folds events in memory; nothing is written. */
export async function replayReadModel(
  store: ProjectionStore,
  projection: Projection,
  options: ReplayOptions,
): Promise<ReplayResult> {
  if (options.sideEffects)
    throw new ProjectionDefinitionError(
      projection.name,
      'a read model has no side effects to replay: rebuild it instead',
    )
  await refuseTenants(logDatabaseFor(store, store.database), projection)
  const fold = new RowFold(projection)
  const rows = new Map<RowKey, Row | null>()
  let events = 0
  for await (const batch of replayRange(store, projection, options)) {
    fold.apply(fold.plan(await store.reveal(projection.aggregates, batch.events)), rows)
    events += batch.events.length
  }
  let rowsWritten = 0
  for (const row of rows.values()) if (row) rowsWritten++
  return { events, rowsTouched: rows.size, rowsWritten, rowsDeleted: rows.size - rowsWritten }
}
