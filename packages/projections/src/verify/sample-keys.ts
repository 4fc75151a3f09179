import { typesOf } from '../any-projection.js'
import type { Projection, RowKey } from '../define-projection.js'
import { RowFold } from '../fold-rows.js'
import type { LiveTable } from '../live-table.js'
import { selectLogSample } from '../sql/select-log-sample.js'
import { selectRowSample } from '../sql/select-row-sample.js'
import { shapeFor } from '../table-lifecycle.js'
import { logDatabaseFor, type ProjectionStore } from '../projection-store.js'

/**
 * Chooses keys by chance: half of them from the rows of the table, and the rest from events of the log, whose rows may be missing.
 *
 * There are fewer where the same are chosen twice.
 */
export async function sampleKeys(
  store: ProjectionStore,
  projection: Projection,
  live: LiveTable,
  count: number,
): Promise<RowKey[]> {
  const { database } = store
  const keys = new Set(await selectRowSample(database, shapeFor(projection, live.table), Math.ceil(count / 2)))
  if (live.position === 0n) return [...keys]
  const folder = new RowFold(projection)
  const sample = { types: typesOf(projection), upTo: live.position, count: count - keys.size }
  const positions = await selectLogSample(logDatabaseFor(store, database), sample)
  for (let from = 0; from < positions.length; from += 500) {
    const stored = await store.readEventsAt(positions.slice(from, from + 500))
    for (const step of folder.plan(await store.reveal(projection.aggregates, stored))) {
      for (const key of step.keys) if (keys.size < count) keys.add(key)
    }
  }
  return [...keys]
}
