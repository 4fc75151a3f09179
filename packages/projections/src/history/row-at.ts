import type { Projection, RowKey, RowOf } from '../define-projection.js'
import type { Row } from '../row.js'
import { lastPosition, rowSteps } from './row-history.js'
import type { ProjectionStore } from '../projection-store.js'

/** A moment of the log: a position, or a time of the database's clock. */
export type RowMoment =
  | { readonly position: bigint; readonly time?: undefined; readonly evenIfTruncated?: boolean }
  | { readonly time: Date; readonly position?: undefined; readonly evenIfTruncated?: boolean }

/**
 * Gives a row as it was once the event at a position was folded, or after the last of its events that was recorded at a time or before; null
 * where there was none.
 *
 * It is folded from the log by the handlers of today. A position past the head gives the row at the head. Times are compared to the millisecond.
 *
 * @throws {HistoryTruncatedError} events that may have touched it were deleted. @throws {InvalidRowError} @throws {HandlerFailedError}
 *
 * @example
 * const row = await rowAt(store, orderSummary, 'o-42', { time: new Date('2025-03-01T12:00:00Z') })
 */
export async function rowAt<P extends Projection>(
  store: ProjectionStore,
  projection: P,
  key: RowKey,
  { position, time, evenIfTruncated = false }: RowMoment,
): Promise<RowOf<P> | null> {
  const upTo = await lastPosition(store, projection, position === undefined ? {} : { at: position })
  let row: Row | null = null
  for await (const { after, event } of rowSteps(store, projection, key, upTo, { evenIfTruncated })) {
    // Appenders that overlap may record a later event at an earlier time, and its row has all events before it.
    if (time === undefined || event.recordedAt <= time) row = after
  }
  return row as RowOf<P> | null
}
