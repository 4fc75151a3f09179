import type { Projection, RowKey } from '../define-projection.js'
import { selectParked, type ParkedPage } from '../sql/select-parked.js'
import { selectParkedRows } from '../sql/select-parked-rows.js'
import { selectParkedGroups, type ParkedGroup } from '../sql/select-parked-groups.js'
import type { ParkedEvent, ParkedSelection } from './parked-event.js'
import type { ProjectionStore } from '../projection-store.js'

/**
 * The events that projections have set aside, in the order of the log; 1,000 at most unless said, and only those after one where it is given.
 *
 * @example
 * for (const { streamId, type, error, blocks } of await listParked(store, { projection: 'order-summary' }))
 *   console.log(streamId, type, error?.message, `${blocks} wait for it`)
 */
export function listParked(
  store: ProjectionStore,
  selection: ParkedSelection = {},
  { limit = 1000, after }: Partial<ParkedPage> = {},
): Promise<ParkedEvent[]> {
  return selectParked(store.database, selection, { limit, ...(after && { after }) })
}

/** What events failed at, alike ones together, the most frequent first. */
export function groupParked(
  store: ProjectionStore,
  { projection }: Pick<ParkedSelection, 'projection'> = {},
): Promise<ParkedGroup[]> {
  return selectParkedGroups(store.database, projection)
}

/** Which of some rows of a read model lack a parked event, so that they are not what the log says. */
export async function incompleteRows<Key extends RowKey>(
  store: ProjectionStore,
  projection: Projection,
  keys: readonly Key[],
): Promise<Set<Key>> {
  const marked = await selectParkedRows(store.database, projection.name, keys.map(String))
  return new Set(keys.filter((key) => marked.has(String(key))))
}
