import type { Compatibility, SchemaCheck } from '@tidemark/eventstore'
import type { AdminClient } from './admin-client.js'
import type { Told } from './told.js'

/** How the events in the code of a server stand to what was registered. */
export async function checksThrough(
  server: AdminClient,
  compatibility: Compatibility | undefined,
): Promise<readonly Told<SchemaCheck>[]> {
  return (await server.get<{ data: Told<SchemaCheck>[] }>('/schemas/check', { compatibility })).data
}
