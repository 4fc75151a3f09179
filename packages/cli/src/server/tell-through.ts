import { CliError } from '../errors.js'
import type { ToldStream } from '../export/history-of.js'
import type { Moment } from '../history/moment.js'
import { ifThere, type AdminClient } from './admin-client.js'
import { readStreamThrough, recordedOf, streamPath, type EventView } from './stream-events.js'

/**
 * Reads what is to be told of a stream from a server.
 *
 * @throws {CliError} the server does not give its data as it is, so that it cannot be folded.
 */
export async function tellThrough(
  server: AdminClient,
  streamId: string,
  at: Moment,
  tenant: string | undefined,
): Promise<ToldStream> {
  const to = typeof at === 'bigint' ? String(at) : undefined
  const views = (await ifThere(readStreamThrough(server, streamId, { to, payloads: 'full', tenant }))) ?? []
  const later = at instanceof Date ? views.findIndex(({ recordedAt }) => new Date(recordedAt) > at) : -1
  const told = later < 0 ? views : views.slice(0, later)
  const last = told.at(-1)
  if (!last) return { events: [], related: [] }
  for (const { version, payloads } of told)
    if (payloads !== 'full')
      throw new CliError(
        `a server shows the data of version ${version} of "${streamId}" ${payloads} at most, which cannot be folded: export it without --server`,
      )
  const query = { to: last.version, payloads: 'none', tenant }
  const trace = await server.get<{ events: readonly EventView[] }>(streamPath(streamId, 'trace'), query)
  return { events: told.map(recordedOf), related: trace.events.map(recordedOf) }
}
