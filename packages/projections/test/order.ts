import { defineAggregate, event } from '@tidemark/eventstore'
import { z } from 'zod'
import { defineProjection } from '../src/index.js'

/** The aggregates and read models of these tests. */
export const Order = defineAggregate({
  name: 'order',
  initialState: () => ({}),
  events: {
    OrderPlaced: event(z.object({ customerId: z.string(), total: z.number(), currency: z.string() }), {
      version: 2,
      upcast: { 1: (v1) => ({ ...v1, currency: 'EUR' }) },
    }),
    OrderShipped: event(z.object({ trackingId: z.string() })),
    OrderForgotten: event(z.object({})),
    OrderSeen: event(z.object({})),
  },
  evolve: {
    OrderPlaced: (state) => state,
    OrderShipped: (state) => state,
    OrderForgotten: (state) => state,
    OrderSeen: (state) => state,
  },
  commands: () => ({}),
})

export const Payment = defineAggregate({
  name: 'payment',
  initialState: () => ({}),
  events: { PaymentTaken: event(z.object({ customerId: z.string(), amount: z.number() })) },
  evolve: { PaymentTaken: (state) => state },
  commands: () => ({}),
})

export const OrderSummary = z.object({
  orderId: z.string(),
  customerId: z.string(),
  status: z.enum(['placed', 'shipped']),
  total: z.number(),
  currency: z.string(),
  placedAt: z.date(),
  trackingId: z.string().optional(),
})

/** One row per order. */
export const orderSummary = defineProjection({
  name: 'order-summary',
  version: 1,
  schema: OrderSummary,
  key: 'orderId',
  on: [
    Order,
    {
      OrderPlaced: (_row, { aggregateId, data, recordedAt }) => ({
        orderId: aggregateId,
        customerId: data.customerId,
        status: 'placed',
        total: data.total,
        currency: data.currency,
        placedAt: recordedAt,
      }),
      OrderShipped: (row, { data }) => row && { ...row, status: 'shipped', trackingId: data.trackingId },
      OrderForgotten: () => null,
    },
  ],
  api: { filter: { status: ['eq', 'in'], total: ['gte', 'lte'] }, sort: ['placedAt', 'total'] },
})

/** Many streams, one row: a counter that shows every lost or repeated event. */
export const customerTotals = defineProjection({
  name: 'customer-totals',
  version: 1,
  schema: z.object({
    customerId: z.string(),
    orders: z.int(),
    payments: z.int(),
    spent: z.bigint(),
    lastOrder: z.string().nullable(),
    tags: z.array(z.string()),
  }),
  key: 'customerId',
  keyOf: (event) => event.data.customerId,
  on: [
    [Order, Payment],
    {
      OrderPlaced: (row, { aggregateId, data }) => ({
        ...(row ?? { customerId: data.customerId, payments: 0, tags: [] }),
        orders: (row?.orders ?? 0) + 1,
        spent: (row?.spent ?? 0n) + BigInt(Math.round(data.total * 100)),
        lastOrder: aggregateId,
      }),
      PaymentTaken: (row) => row && { ...row, payments: row.payments + 1, tags: ['pays'] },
    },
  ],
})
