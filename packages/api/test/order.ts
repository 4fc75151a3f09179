import { defineAggregate, event, reject } from '@tidemark/eventstore'
import { defineProjection } from '@tidemark/projections'
import { z } from 'zod'

const Item = z.object({ sku: z.string().min(1), quantity: z.int().positive() })

interface OrderState {
  readonly status: 'new' | 'placed' | 'shipped'
  readonly total: number
}

/** The aggregate of these tests. */
export const Order = defineAggregate({
  name: 'order',
  initialState: (): OrderState => ({ status: 'new', total: 0 }),
  events: {
    OrderPlaced: event(z.object({ customerId: z.string(), items: z.array(Item), total: z.number() })),
    OrderShipped: event(z.object({ carrier: z.string().nullable() })),
  },
  evolve: {
    OrderPlaced: (_state, { data }) => ({ status: 'placed', total: data.total }),
    OrderShipped: (state) => ({ ...state, status: 'shipped' }),
  },
  commands: (command) => ({
    place: command(
      z.strictObject({ customerId: z.string().min(1), items: z.array(Item).min(1), total: z.number().nonnegative() }),
      (state, input) =>
        state.status === 'new'
          ? { type: 'OrderPlaced', data: input }
          : reject('order-already-placed', `the order is ${state.status}`),
    ),
    ship: command(z.object({ carrier: z.string().optional() }), (state, { carrier }) => {
      if (state.status === 'new') return reject('order-not-placed', 'the order is not placed')
      return state.status === 'shipped' ? [] : { type: 'OrderShipped', data: { carrier: carrier ?? null } }
    }),
  }),
})

/** Its read model, with a column of every kind. */
export const orderSummary = defineProjection({
  name: 'order-summary',
  version: 1,
  schema: z.object({
    orderId: z.string(),
    customerId: z.string(),
    status: z.enum(['placed', 'shipped']),
    total: z.number(),
    itemCount: z.int(),
    big: z.bigint(),
    large: z.boolean(),
    placedAt: z.date(),
    carrier: z.string().nullable(),
    items: z.array(Item),
  }),
  key: 'orderId',
  on: [
    Order,
    {
      OrderPlaced: (_row, { aggregateId, data, recordedAt }) => ({
        orderId: aggregateId,
        customerId: data.customerId,
        status: 'placed',
        total: data.total,
        itemCount: data.items.length,
        big: 9_007_199_254_740_993n + BigInt(data.items.length),
        large: data.total > 100,
        placedAt: recordedAt,
        carrier: null,
        items: data.items,
      }),
      OrderShipped: (row, { data }) => row && { ...row, status: 'shipped', carrier: data.carrier },
    },
  ],
  api: {
    filter: {
      status: ['eq', 'in'],
      customerId: ['eq'],
      total: ['eq', 'gte', 'lte', 'gt', 'lt'],
      itemCount: ['eq', 'in'],
      big: ['gte', 'lt'],
      large: ['eq'],
      placedAt: ['gte', 'lt'],
      carrier: ['eq'],
    },
    sort: ['placedAt', 'total', 'carrier', 'customerId'],
  },
})

/** The input of a command that places an order. */
export function orderOf(total: number, customerId = 'c-1', items = 1): object {
  return {
    customerId,
    total,
    items: Array.from({ length: items }, (_, index) => ({ sku: `sku-${index}`, quantity: 1 })),
  }
}
