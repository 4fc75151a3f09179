import { expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import {
  defineAggregate,
  event,
  reject,
  type StateOf,
  type CommandInput,
  type EventOf,
} from '../../src/define-aggregate.js'

interface OrderState {
  status: 'new' | 'placed' | 'shipped'
  items: string[]
}

const Order = defineAggregate({
  name: 'order',
  initialState: (): OrderState => ({ status: 'new', items: [] }),
  events: {
    OrderPlaced: event(
      z.object({ items: z.array(z.string()), total: z.number(), currency: z.string().default('EUR') }),
    ),
    OrderShipped: event(z.object({ trackingId: z.string() })),
  },
  evolve: {
    OrderPlaced: (state, { data }) => ({ ...state, status: 'placed', items: data.items }),
    OrderShipped: (state) => ({ ...state, status: 'shipped' }),
  },
  commands: (command) => ({
    place: command(z.object({ items: z.array(z.string()) }), (state, input) => {
      expectTypeOf(state).toEqualTypeOf<OrderState>()
      expectTypeOf(input).toEqualTypeOf<{ items: string[] }>()
      if (state.status !== 'new') return reject('order-already-placed', `order is ${state.status}`)
      return { type: 'OrderPlaced', data: { ...input, total: 1 } }
    }),
    ship: command(z.object({ trackingId: z.string() }), (state, input) => {
      expectTypeOf(state.status).toEqualTypeOf<'new' | 'placed' | 'shipped'>()
      return [{ type: 'OrderShipped', data: input }]
    }),
  }),
})

test('state, events and inputs are inferred', () => {
  expectTypeOf<StateOf<typeof Order>>().toEqualTypeOf<OrderState>()
  expectTypeOf<CommandInput<typeof Order, 'place'>>().toEqualTypeOf<{ items: string[] }>()
  type E = EventOf<(typeof Order)['events']>
  expectTypeOf<Extract<E, { type: 'OrderPlaced' }>['data']>().toEqualTypeOf<{
    items: string[]
    total: number
    currency: string
  }>()
})

test('an event that the aggregate does not have is refused', () => {
  defineAggregate({
    name: 'x',
    initialState: () => ({ n: 0 }),
    events: { A: event(z.object({ a: z.number() })) },
    evolve: { A: (state) => state },
    commands: (command) => ({
      // @ts-expect-error B is no event of this aggregate
      go: command(z.object({}), () => ({ type: 'B', data: {} })),
    }),
  })
})
