import { defineProjection } from '@tidemark/projections'
import { z } from 'zod'
import { Order } from './order.js'

export const CustomerTotals = z.object({
  customerId: z.string(),
  orders: z.int(),
  cancelled: z.int(),
  /** What was paid and not given back, by currency, in its smallest unit: amounts of two currencies have no sum. */
  spent: z.record(z.string(), z.int()),
  lastOrderAt: z.date(),
})
type CustomerTotals = z.infer<typeof CustomerTotals>

const spend = (row: CustomerTotals, currency: string, amount: number): CustomerTotals => ({
  ...row,
  spent: { ...row.spent, [currency]: (row.spent[currency] ?? 0) + amount },
})

/** One row per customer, folded from all of their orders: many streams make one row. */
export const customerTotals = defineProjection({
  name: 'customer-totals',
  version: 1,
  schema: CustomerTotals,
  key: 'customerId',
  keyOf: ({ data }) => data.customerId,
  on: [
    Order,
    {
      OrderPlaced: (row, { data, recordedAt }) => ({
        customerId: data.customerId,
        orders: (row?.orders ?? 0) + 1,
        cancelled: row?.cancelled ?? 0,
        spent: row?.spent ?? {},
        lastOrderAt: recordedAt,
      }),
      PaymentCaptured: (row, { data }) => row && spend(row, data.currency, data.amount),
      OrderCancelled: (row, { data }) => {
        if (!row) return row
        const counted = { ...row, cancelled: row.cancelled + 1 }
        return data.refunded === 0 ? counted : spend(counted, data.currency, -data.refunded)
      },
    },
  ],
  api: { filter: { orders: ['gte', 'lte'], cancelled: ['gte'] }, sort: ['orders', 'lastOrderAt'] },
})
