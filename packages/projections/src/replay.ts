import type { EventStore } from '@tidemark/eventstore'
import { typesOf } from './any-projection.js'
import type { Projection, RowKey } from './define-projection.js'
import { RowFold } from './fold-rows.js'
import type { Row } from './row.js'
import { refuseTenants } from './table-lifecycle.js'

export interface ReplayOptions {
  /** The first position; 1 unless said. */
  readonly from?: bigint
  /** The last position; the head unless said. */
  readonly to?: bigint
  /** Called after each batch with the position that it has reached. */
  readonly onProgress?: (progress: { readonly done: bigint; readonly total: bigint }) => void
  readonly signal?: AbortSignal
}

export interface ReplayResult {
  /** Events that the projection handled. */
  readonly events: number
  /** Keys whose rows they touched. */
  readonly rowsTouched: number
  /** Keys whose rows they left, and took away. */
  readonly rowsWritten: number
  readonly rowsDeleted: number
}

/**
 * Runs a range of the log through a projection in memory, and writes nothing: shows whether the handlers can take it, and how much they touch.
 *
 * Rows begin empty, so a range that begins in the middle shows its events alone. Both ends are inclusive. The rows touched are kept in memory.
 *
 * @throws {InvalidRowError} @throws {HandlerFailedError} what a rebuild would stop at.
 *
 * @example
 * const { events, rowsTouched } = await replay(store, orderSummary, { from: 1n, to: 500n })
 */
export async function replay(
  store: EventStore,
  projection: Projection,
  options: ReplayOptions = {},
): Promise<ReplayResult> {
  await refuseTenants(store.database, projection)
  const { from = 1n, onProgress, signal } = options
  const head = (await store.head()).position
  const to = options.to !== undefined && options.to < head ? options.to : head
  const categories = projection.aggregates.map(({ name }) => name)
  const types = typesOf(projection)
  const fold = new RowFold(projection)
  const rows = new Map<RowKey, Row | null>()
  let events = 0
  let after = from - 1n
  while (after < to) {
    signal?.throwIfAborted()
    const batch = await store.log.read({ after, upTo: to, limit: 5000, categories, types })
    fold.apply(fold.plan(await store.reveal(projection.aggregates, batch.events)), rows)
    events += batch.events.length
    after = batch.through
    onProgress?.({ done: after, total: to })
  }
  let rowsWritten = 0
  for (const row of rows.values()) if (row) rowsWritten++
  return { events, rowsTouched: rows.size, rowsWritten, rowsDeleted: rows.size - rowsWritten }
}
