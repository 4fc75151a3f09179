import type { Projection, RowKey, RowOf } from '../define-projection.js'
import type { Row } from '../row.js'
import { referenceTo, type EventReference } from './event-reference.js'
import { lastPosition, rowSteps, type HistoryOptions } from './row-history.js'
import type { ProjectionStore } from '../projection-store.js'

/** A value, and the event that it is from. */
export interface FieldBlame extends EventReference {
  /** Undefined where the row has none. */
  readonly value: unknown
}

/** Where each value of a row is from. */
export interface Blame<R = Row> {
  readonly key: RowKey
  /** Up to where the log was folded. */
  readonly position: bigint
  /** As it would come back from the table; null for one that was taken away. */
  readonly row: R | null
  /** By property; none for a row that was taken away. */
  readonly fields: Readonly<Record<string, FieldBlame>>
  /** The event that took the row away; undefined while it is there. */
  readonly deletedBy: EventReference | undefined
}

/**
 * Says of every value of a row which event gave it that value last; an event that sets the same again does not count.
 *
 * Undefined where no event ever made the row. It is folded from the log by the handlers of today, up to the head unless said, and needs no table: a
 * table whose projector is behind, or that has drifted, may show something else. A row that was taken away and made again begins anew.
 *
 * @throws {HistoryTruncatedError} events that may have touched it were deleted. @throws {InvalidRowError} @throws {HandlerFailedError}
 *
 * @example
 * const blamed = await blame(store, orderSummary, 'o-42')
 * console.log(blamed?.fields['status']?.type, blamed?.fields['status']?.actor)
 */
export async function blame<P extends Projection>(
  store: ProjectionStore,
  projection: P,
  key: RowKey,
  options: HistoryOptions = {},
): Promise<Blame<RowOf<P>> | undefined> {
  const position = await lastPosition(store, projection, options)
  const setBy = new Map<string, EventReference>()
  let deletedBy: EventReference | undefined
  let row: Row | null = null
  for await (const { before, after, event, changed } of rowSteps(store, projection, key, position, options)) {
    row = after
    if (changed.length === 0) continue
    const reference = referenceTo(event)
    if (before && !after) deletedBy = reference
    for (const property of changed) setBy.set(property, reference)
  }
  if (row === null) return deletedBy && { key, position, row, fields: {}, deletedBy }
  const fields = Object.fromEntries([...setBy].map(([name, event]) => [name, { value: row?.[name], ...event }]))
  return { key, position, row: row as RowOf<P>, fields, deletedBy: undefined }
}
