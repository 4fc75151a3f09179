import type { Database } from './database.js'
import { FilteredReader } from './filtered-read.js'
import type { LogSource } from './log-source.js'
import { selectEpoch } from './sql/select-epoch.js'
import { selectHead } from './sql/select-head.js'
import { selectLastEventId } from './sql/select-last-event-id.js'
import { Tenancy } from './tenancy.js'

/**
 * The log through one connection, for whoever is in a transaction on it: to wait there for a second connection of the same pool may be to
 * wait for oneself. The transaction must be READ COMMITTED; or `safeUpTo` says up to where its snapshot has all events, and nothing is read past that.
 *
 * @example
 * await inTransaction(pool, async (client) => {
 *   const log = logWithin(on(store.database, client))
 *   const { events } = await log.read({ after: 0n, limit: 100 })
 * })
 */
export function logWithin(
  database: Database,
  { safeUpTo }: { readonly safeUpTo?: bigint } = {},
): Pick<LogSource, 'read' | 'epoch' | 'lastEventId'> {
  const reader = new FilteredReader(database, new Tenancy(database))
  return {
    epoch: () => selectEpoch(database),
    lastEventId: (position) => selectLastEventId(database, position),
    async read({ after, upTo, ...rest }) {
      const position = safeUpTo ?? (await selectHead(database)).position
      const target = upTo !== undefined && upTo < position ? upTo : position
      if (target <= after) return { events: [], through: after, atHead: true }
      const page = await reader.read({ ...rest, after, upTo: target })
      return { ...page, atHead: page.through === position }
    },
  }
}
