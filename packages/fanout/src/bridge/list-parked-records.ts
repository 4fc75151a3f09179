import type { EventStore } from '@tidemark/eventstore'
import {
  selectParkedRecords,
  type ParkedRecord,
  type ParkedRecordPage,
  type ParkedRecordSelection,
} from '../sql/select-parked-records.js'

/**
 * The events that bridges have parked, in the order of the log; 1,000 at most unless said, from the beginning or after a position.
 *
 * @example
 * for (const { key, type, status, error } of await listParkedRecords(store, { bridge: 'orders' }))
 *   console.log(key, type, status, error?.message)
 */
export function listParkedRecords(
  store: EventStore,
  selection: ParkedRecordSelection = {},
  page: Partial<ParkedRecordPage> = {},
): Promise<ParkedRecord[]> {
  return selectParkedRecords(store.database, selection, { limit: 1000, ...page })
}
