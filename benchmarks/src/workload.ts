import { defineAggregate, event } from '@tidemark/eventstore'
import { v7 as uuidv7 } from 'uuid'
import { z } from 'zod'

const Item = z.object({ sku: z.string(), quantity: z.number(), price: z.number() })

/** The aggregate of the benchmarks; an event has about 300 bytes of data and 100 of metadata. */
export const Order = defineAggregate({
  name: 'order',
  initialState: () => ({ total: 0, placed: 0 }),
  events: {
    OrderPlaced: event(z.object({ customerId: z.string(), items: z.array(Item), total: z.number(), note: z.string() })),
  },
  evolve: { OrderPlaced: (state, { data }) => ({ total: state.total + data.total, placed: state.placed + 1 }) },
  commands: (command) => ({
    place: command(z.object({ customer: z.number() }), (_state, { customer }) => orderPlaced(customer)),
  }),
  snapshot: { every: 100, version: 1 },
})

const metadata = { correlationId: uuidv7(), causationId: uuidv7() }

/** An event of the usual size. */
export function orderPlaced(n: number) {
  const items = Array.from({ length: 4 }, (_, index) => ({
    sku: `SKU-${String(n % 1000).padStart(4, '0')}-${index}`,
    quantity: index + 1,
    price: 9.99 * (index + 1),
  }))
  const data = { customerId: `customer-${n % 5000}`, items, total: 99.9, note: 'leave it with the neighbours, please' }
  return { type: 'OrderPlaced', data, metadata } as const
}
