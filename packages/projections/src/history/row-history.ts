import type { RecordedEvent } from '@tidemark/eventstore'
import type { Projection, RowKey, RowOf } from '../define-projection.js'
import { RowFold } from '../fold-rows.js'
import type { Row } from '../row.js'
import { asStored, differingProperties } from '../stored-row.js'
import { refuseTenants } from '../table-lifecycle.js'
import { referenceTo, type EventReference } from './event-reference.js'
import { keyEvents } from './key-events.js'
import { logDatabaseFor, type ProjectionStore } from '../projection-store.js'

export interface HistoryOptions {
  /** Up to which position; the head unless said. */
  readonly at?: bigint
  /** Whether to fold what is left where streams were truncated. */
  readonly evenIfTruncated?: boolean
}

/** A row as an event left it. */
export interface RowVersion<R = Row> {
  /** As it would come back from the table; null where the event took it away. */
  readonly row: R | null
  readonly event: EventReference
  /** The properties whose values it changed: all for a row that it made or took away. */
  readonly changed: readonly string[]
}

/** What one event did to a row, if only to leave it as it was. */
export interface RowStep {
  readonly before: Row | null
  readonly after: Row | null
  readonly event: RecordedEvent
  readonly changed: readonly string[]
}

/** Folds the events of a row one by one. */
export async function* rowSteps(
  store: ProjectionStore,
  projection: Projection,
  key: RowKey,
  upTo: bigint,
  { evenIfTruncated = false }: HistoryOptions = {},
): AsyncGenerator<RowStep> {
  const { columns } = projection
  const folder = new RowFold(projection)
  const rows = new Map<RowKey, Row | null>()
  let before: Row | null = null
  for await (const event of keyEvents(store, projection, folder, { key, upTo, evenIfTruncated })) {
    folder.apply([{ event, keys: [key] }], rows)
    const folded = rows.get(key) ?? null
    const after: Row | null = folded && asStored(columns, folded)
    yield { before, after, event, changed: differingProperties(columns, before, after) }
    before = after
  }
}

/** Up to which position the log is folded: the one that was asked for, or the head where that is lower. */
export async function lastPosition(
  store: ProjectionStore,
  projection: Projection,
  { at }: HistoryOptions = {},
): Promise<bigint> {
  await refuseTenants(logDatabaseFor(store, store.database), projection)
  const head = (await store.head()).position
  return at !== undefined && at < head ? at : head
}

/**
 * Tells the history of a row, the oldest version first: one version per event that changed it. Nothing where no event ever made the row.
 *
 * It is folded from the log, up to the head unless said, and needs no table. A projection with `keyOf` is read from the beginning of the log.
 *
 * @throws {HistoryTruncatedError} events that may have touched it were deleted. @throws {InvalidRowError} @throws {HandlerFailedError}
 *
 * @example
 * for await (const { row, event, changed } of rowHistory(store, orderSummary, 'o-42')) console.log(event.type, changed, row)
 */
export async function* rowHistory<P extends Projection>(
  store: ProjectionStore,
  projection: P,
  key: RowKey,
  options: HistoryOptions = {},
): AsyncGenerator<RowVersion<RowOf<P>>, void, undefined> {
  const upTo = await lastPosition(store, projection, options)
  for await (const { after, event, changed } of rowSteps(store, projection, key, upTo, options)) {
    if (changed.length > 0) yield { row: after as RowOf<P> | null, event: referenceTo(event), changed }
  }
}
