import { inTransaction, on } from '@tidemark/eventstore'
import type { Projection, RowKey } from '../define-projection.js'
import { lockLiveTable, withStreamEnds } from '../live-table.js'
import type { Row } from '../row.js'
import { noteRewritten } from '../sql/select-live-places.js'
import { setUpBatch } from '../sql/set-up-batch.js'
import { TableStatements } from '../sql/table-statements.js'
import { shapeFor } from '../table-lifecycle.js'
import { judge } from './compare-keys.js'
import type { Refold } from './refold.js'
import type { ProjectionStore } from '../projection-store.js'

/** A process that is paused in the middle holds the projector up no longer than this. */
const idleMs = 10_000

/**
 * Writes what the log says over the rows of some keys, in one transaction in which the projector waits.
 *
 * Each is folded up to where the table is by then, and left alone if it is right by then. Returns the keys whose rows are right now.
 */
export async function healKeys(
  store: ProjectionStore,
  projection: Projection,
  refold: Refold,
  keys: readonly RowKey[],
): Promise<RowKey[]> {
  return inTransaction(store.pool, async (client) => {
    const database = on(store.database, client)
    await setUpBatch(database, { idleMs, commit: 'durable' })
    const live = await withStreamEnds(database, projection, await lockLiveTable(database, projection), keys)
    const refolded = await refold.upTo(database, live, keys)
    const statements = new TableStatements(shapeFor(projection, live.table))
    const rows = await statements.selectRows(database, keys)
    const { drifted, unverifiable } = judge(projection, refolded, keys, rows)
    const upserts: Row[] = []
    const deletes: RowKey[] = []
    for (const { key, expected } of drifted) {
      if (expected) upserts.push(expected)
      else deletes.push(key)
    }
    await statements.write(database, { upserts, deletes })
    if (drifted.length > 0) await noteRewritten(database, live.table)
    return keys.filter((key) => !unverifiable.some((other) => other.key === key))
  })
}
