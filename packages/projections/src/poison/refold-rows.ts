import type { Database } from '@tidemark/eventstore'
import type { Projection, RowKey } from '../define-projection.js'
import { HistoryTruncatedError } from '../errors.js'
import { RowFold } from '../fold-rows.js'
import { lacks, type LiveTable } from '../live-table.js'
import type { Row } from '../row.js'
import { filterOf } from '../shard.js'
import { selectTruncatedStreams } from '../sql/select-truncated-streams.js'
import { logDatabaseFor, logFor, type ProjectionStore } from '../projection-store.js'

const eventsAtOnce = 2000

export interface RowsToRefold {
  readonly keys: ReadonlySet<RowKey>
  /** Inclusive. */
  readonly upTo: bigint
  /** The events that rows are to lack, with the keys of these rows. */
  readonly setAside: LiveTable['setAside']
}

/**
 * Folds rows again from the first event of the log up to a position, without some events: for rows that have events of several streams.
 *
 * Within the caller's transaction, READ COMMITTED.
 *
 * @throws {HandlerFailedError} @throws {InvalidRowError} what the first event met that cannot be folded.
 * @throws {HistoryTruncatedError} events were deleted that the rows may need.
 */
export async function refoldRows(
  store: ProjectionStore,
  database: Database,
  projection: Projection,
  { keys, upTo, setAside }: RowsToRefold,
): Promise<Map<RowKey, Row | null>> {
  const fold = new RowFold(projection)
  const log = logFor(store, database)
  const rows = new Map<RowKey, Row | null>([...keys].map((key) => [key, null]))
  const [firstKey] = keys
  const categories = projection.aggregates.map(({ name }) => name)
  const truncated = await selectTruncatedStreams(logDatabaseFor(store, database), { categories })
  if (firstKey !== undefined && truncated.length > 0)
    throw new HistoryTruncatedError(projection.name, firstKey, truncated)
  for (let after = 0n; after < upTo;) {
    const { events, through } = await log.read({ ...filterOf({ projection }), after, upTo, limit: eventsAtOnce })
    const steps = fold.plan(await store.reveal(projection.aggregates, events, database.queryable))
    const isDue = (key: RowKey, position: bigint) => keys.has(key) && !lacks({ setAside }, key, position)
    const own = steps
      .map((step) => ({ ...step, keys: step.keys.filter((key) => isDue(key, step.event.position)) }))
      .filter(({ keys: due, failure, event }) => due.length > 0 || (failure && !setAside.has(event.position)))
    fold.apply(own, rows)
    after = through
  }
  return rows
}
