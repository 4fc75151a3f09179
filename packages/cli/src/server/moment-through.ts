import type { Moment } from '../history/moment.js'
import type { AdminClient } from './admin-client.js'
import { newestThrough } from './stream-events.js'

/** A moment as a parameter of the admin API, which refuses a version that a stream does not have yet where loading an aggregate stops at the newest. */
export async function momentThrough(
  server: AdminClient,
  streamId: string,
  moment: Moment,
  tenant: string | undefined,
): Promise<string | undefined> {
  if (moment === undefined) return undefined
  if (moment instanceof Date) return moment.toISOString()
  const newest = await newestThrough(server, streamId, tenant)
  return String(moment < newest ? moment : newest)
}
