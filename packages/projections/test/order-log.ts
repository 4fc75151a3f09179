import type { AppendResult, EventStore } from '@tidemark/eventstore'
import {
  parseRow,
  readModelOf,
  selectExpression,
  type Projection,
  type ProjectionStore,
  type RowOf,
} from '../src/index.js'
import { Order } from './order.js'

/** Places an order; the currency is EUR. */
export function place(
  store: EventStore,
  id: string,
  data: { readonly customerId: string; readonly total: number },
): Promise<AppendResult> {
  return store.append(Order, id, [{ type: 'OrderPlaced', data: { ...data, currency: 'EUR' } }], {
    expectedVersion: 'no-stream',
  })
}

/** Appends many orders of few customers, some shipped and some forgotten again; returns how many events that were. */
export async function placeMany(store: EventStore, prefix: string, orders: number): Promise<number> {
  const counts = await Promise.all(
    Array.from({ length: orders }, async (_, index) => {
      const data = { customerId: `c-${index % 50}`, total: index / 4, currency: 'EUR' }
      const events = [
        { type: 'OrderPlaced' as const, data },
        ...(index % 3 === 0 ? [{ type: 'OrderShipped' as const, data: { trackingId: `t-${index}` } }] : []),
        ...(index % 10 === 0 ? [{ type: 'OrderForgotten' as const, data: {} }] : []),
      ]
      await store.append(Order, `${prefix}-${index}`, events, { expectedVersion: 'no-stream' })
      return events.length
    }),
  )
  return counts.reduce((sum, count) => sum + count, 0)
}

/** The rows of a read model, by key. */
export async function rowsOf<P extends Projection>(store: ProjectionStore, projection: P): Promise<RowOf<P>[]> {
  const { view, columns, key } = readModelOf(store, projection)
  const expressions = columns.map((column) => selectExpression(column, `"${column.column}"`))
  const { rows } = await store.pool.query<(string | null)[]>({
    text: `select ${expressions.join(', ')} from ${view} order by "${key.column}"`,
    rowMode: 'array',
    types: { getTypeParser: () => (value: string) => value },
  })
  return rows.map((texts) => ({ ...parseRow(columns, texts) })) as RowOf<P>[]
}
