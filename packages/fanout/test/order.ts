import { defineAggregate, event, type EventStore } from '@tidemark/eventstore'
import { z } from 'zod'

/** The aggregate of these tests: an order that is placed, paid and shipped. */
export const Order = defineAggregate({
  name: 'order',
  initialState: () => ({ status: 'new' }),
  events: {
    OrderPlaced: event(z.object({ total: z.number(), note: z.string().optional() })),
    OrderPaid: event(z.object({ amount: z.number() })),
    OrderShipped: event(z.object({ trackingId: z.string() })),
  },
  evolve: {
    OrderPlaced: () => ({ status: 'placed' }),
    OrderPaid: () => ({ status: 'paid' }),
    OrderShipped: () => ({ status: 'shipped' }),
  },
  commands: () => ({}),
})

/** Three events for each order, in three rounds, so that the orders interleave in the log. */
export async function appendOrders(store: EventStore, ids: readonly string[]): Promise<void> {
  await Promise.all(
    ids.map((id, index) =>
      store.append(Order, id, [{ type: 'OrderPlaced', data: { total: index } }], { expectedVersion: 'no-stream' }),
    ),
  )
  await Promise.all(
    ids.map((id, index) =>
      store.append(Order, id, [{ type: 'OrderPaid', data: { amount: index } }], { expectedVersion: 1 }),
    ),
  )
  await Promise.all(
    ids.map((id) =>
      store.append(Order, id, [{ type: 'OrderShipped', data: { trackingId: `t-${id}` } }], { expectedVersion: 2 }),
    ),
  )
}

/** Ids of orders: `<prefix>-0`, `<prefix>-1` … */
export const orderIds = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}`)
