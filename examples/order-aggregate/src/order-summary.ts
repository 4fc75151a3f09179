import { defineProjection } from '@tidemark/projections'
import { z } from 'zod'
import { Currency, OrderItem } from './order-events.js'
import { Order } from './order.js'

export const OrderSummary = z.object({
  orderId: z.string(),
  customerId: z.string(),
  status: z.enum(['placed', 'paid', 'shipped', 'delivered', 'cancelled']),
  items: z.array(OrderItem),
  total: z.int(),
  currency: Currency,
  carrier: z.string().nullable(),
  trackingId: z.string().nullable(),
  placedAt: z.date(),
  changedAt: z.date(),
})

/** One row per order: what a customer's list of orders, or the desk that ships them, shows. */
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
        ...data,
        status: 'placed',
        carrier: null,
        trackingId: null,
        placedAt: recordedAt,
        changedAt: recordedAt,
      }),
      PaymentCaptured: (row, { recordedAt }) => row && { ...row, status: 'paid', changedAt: recordedAt },
      OrderShipped: (row, { data, recordedAt }) => row && { ...row, ...data, status: 'shipped', changedAt: recordedAt },
      OrderDelivered: (row, { recordedAt }) => row && { ...row, status: 'delivered', changedAt: recordedAt },
      OrderCancelled: (row, { recordedAt }) => row && { ...row, status: 'cancelled', changedAt: recordedAt },
    },
  ],
  api: {
    filter: { status: ['eq', 'in'], customerId: ['eq'], total: ['gte', 'lte'], placedAt: ['gte', 'lt'] },
    sort: ['placedAt', 'total'],
  },
})
