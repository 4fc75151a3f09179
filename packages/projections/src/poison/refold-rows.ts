import { logWithin, type Database, type EventStore } from '@tidemark/eventstore'
import type { Projection, RowKey } from '../define-projection.js'
import { HistoryTruncatedError } from '../errors.js'
import { RowFold } from '../fold-rows.js'
import type { Row } from '../row.js'
import { filterOf } from '../shard.js'
import { selectTruncatedStreams } from '../sql/select-truncated-streams.js'

const eventsAtOnce = 2000

/**
 * Folds rows again from the first event of the log up to a position, without some events: for rows that have events of several streams.
 *
 * Within the caller's transaction, READ COMMITTED.
 *
 * @throws {HandlerFailedError} @throws {InvalidRowError} what the first event met that cannot be folded.
 * @throws {HistoryTruncatedError} events were deleted that the rows may need.
 */
export async function refoldRows(
  store: EventStore,
  database: Database,
  projection: Projection,
  {
    keys,
    upTo,
    except,
  }: { readonly keys: ReadonlySet<RowKey>; readonly upTo: bigint; readonly except: ReadonlySet<bigint> },
): Promise<Map<RowKey, Row | null>> {
  const fold = new RowFold(projection)
  const log = logWithin(database)
  const rows = new Map<RowKey, Row | null>([...keys].map((key) => [key, null]))
  const [firstKey] = keys
  const categories = projection.aggregates.map(({ name }) => name)
  const truncated = await selectTruncatedStreams(database, { categories })
  if (firstKey !== undefined && truncated.length > 0)
    throw new HistoryTruncatedError(projection.name, firstKey, truncated)
  for (let after = 0n; after < upTo;) {
    const { events, through } = await log.read({ ...filterOf({ projection }), after, upTo, limit: eventsAtOnce })
    const wanted = events.filter(({ position }) => !except.has(position))
    const steps = fold.plan(await store.reveal(projection.aggregates, wanted, database.queryable))
    const own = steps
      .map((step) => ({ ...step, keys: step.keys.filter((key) => keys.has(key)) }))
      .filter((step) => step.keys.length > 0 || step.failure)
    fold.apply(own, rows)
    after = through
  }
  return rows
}
