import { z } from 'zod'
import { defineProjection } from '../src/index.js'
import { Order } from './order.js'

/** Shows every event of an order that is lost, comes twice, or comes in the wrong order; refuses orders of 666 and above 1,000. */
export const orderLedger = defineProjection({
  name: 'order-ledger',
  version: 1,
  schema: z.object({
    orderId: z.string(),
    events: z.int(),
    versions: z.string(),
    total: z.number().max(1000),
    lastAt: z.date(),
    lastPosition: z.bigint(),
  }),
  key: 'orderId',
  on: [
    Order,
    {
      OrderPlaced: (row, { aggregateId, version, position, data, recordedAt }) => {
        if (data.total === 666) throw new Error('the beast')
        return {
          orderId: aggregateId,
          events: (row?.events ?? 0) + 1,
          // Not commutative, and short.
          versions: String((Number(row?.versions ?? 0) * 31 + Number(version)) % 1_000_003),
          total: data.total,
          lastAt: recordedAt,
          lastPosition: position,
        }
      },
      OrderShipped: (row, { recordedAt, position }) =>
        row && { ...row, events: row.events + 1, lastAt: recordedAt, lastPosition: position },
      OrderForgotten: () => null,
    },
  ],
})

export const placed = (total = 1, id?: string) => ({
  type: 'OrderPlaced' as const,
  data: { customerId: 'c', total, currency: 'EUR' },
  ...(id !== undefined && { id }),
})
