import { defineProjection } from '@tidemark/projections'
import { z } from 'zod'
import { Order } from './workload.js'

/** The read model of the benchmarks: a row per order. */
export const orderTotals = defineProjection({
  name: 'order-totals',
  version: 1,
  schema: z.object({
    orderId: z.string(),
    customerId: z.string(),
    orders: z.int(),
    total: z.number(),
    placedAt: z.date(),
  }),
  key: 'orderId',
  on: [
    Order,
    {
      OrderPlaced: (row, e) => ({
        orderId: e.aggregateId,
        customerId: e.data.customerId,
        orders: (row?.orders ?? 0) + 1,
        total: (row?.total ?? 0) + e.data.total,
        placedAt: e.recordedAt,
      }),
    },
  ],
})
