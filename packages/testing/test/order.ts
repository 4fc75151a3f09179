import { defineAggregate, event, reject } from '@tidemark/eventstore'
import { z } from 'zod'

const Item = z.object({ sku: z.string(), quantity: z.int().min(1) })

export interface OrderState {
  status: 'new' | 'placed' | 'shipped'
  items: z.infer<typeof Item>[]
  address: { city: string; zip: string } | undefined
  currency: string
}

/** The aggregate of these tests. */
export const Order = defineAggregate({
  name: 'order',
  initialState: (): OrderState => ({ status: 'new', items: [], address: undefined, currency: '' }),
  events: {
    OrderPlaced: event(
      z.object({
        items: z.array(Item),
        address: z.object({ city: z.string(), zip: z.string() }),
        currency: z.string().default('EUR'),
      }),
      { version: 2, upcast: { 1: (v1) => ({ ...v1, currency: 'CHF' }) }, formerly: ['OrderCreated'] },
    ),
    OrderShipped: event(z.object({ trackingId: z.string() })),
    NoteAdded: event(z.object({ note: z.string() })),
  },
  evolve: {
    OrderPlaced: (state, { data }) => ({ ...state, status: 'placed', ...data }),
    OrderShipped: (state) => ({ ...state, status: 'shipped' }),
    NoteAdded: (state) => state,
  },
  retired: ['OrderSeen'],
  commands: (command) => ({
    place: command(z.object({ items: z.array(Item).min(1), city: z.string() }), (state, { items, city }) => {
      if (state.status !== 'new') return reject('order-already-placed', `the order is ${state.status}`)
      return { type: 'OrderPlaced', data: { items, address: { city, zip: '8000' } } }
    }),
    ship: command(z.object({ trackingId: z.string(), note: z.string().optional() }), (state, { trackingId, note }) => {
      if (state.status !== 'placed') return reject('order-not-placed', `the order is ${state.status}`)
      return [
        { type: 'OrderShipped', data: { trackingId } },
        ...(note === undefined ? [] : [{ type: 'NoteAdded' as const, data: { note } }]),
      ]
    }),
    nothing: command(z.object({}), () => []),
    broken: command(z.object({}), () => ({ type: 'NoteAdded', data: { note: 1 as unknown as string } })),
  }),
})

export const items = [{ sku: 'book', quantity: 2 }]

/** An order that was placed. */
export const placed = {
  type: 'OrderPlaced',
  data: { items, address: { city: 'Zurich', zip: '8000' }, currency: 'EUR' },
} as const
