import type { EventStore } from '@tidemark/eventstore'
import { defineProjection } from '@tidemark/projections'
import { createHash } from 'node:crypto'
import type { Pool } from 'pg'
import { z } from 'zod'
import { Order } from '../order.js'

const step = (trail: string, eventId: string) => createHash('sha256').update(`${trail}${eventId}`).digest('hex')

/** A read model whose rows differ when an event is missing, there twice, or not in its place. */
export const orderTrails = defineProjection({
  name: 'order-trails',
  version: 1,
  schema: z.object({ orderId: z.string(), events: z.int(), amount: z.number(), trail: z.string() }),
  key: 'orderId',
  on: [
    Order,
    {
      OrderPlaced: (row, { aggregateId, id }) => ({
        orderId: aggregateId,
        events: (row?.events ?? 0) + 1,
        amount: row?.amount ?? 0,
        trail: step(row?.trail ?? '', id),
      }),
      OrderPaid: (row, { aggregateId, id, data }) => ({
        orderId: aggregateId,
        events: (row?.events ?? 0) + 1,
        amount: (row?.amount ?? 0) + data.amount,
        trail: step(row?.trail ?? '', id),
      }),
    },
  ],
})

/** The rows that the log comes to, folded here and by nobody else. */
export async function trailsOfLog(pool: Pool): Promise<string[]> {
  const { rows: events } = await pool.query<{ id: string; stream_id: string; type: string; data: { amount?: number } }>(
    `select id, stream_id, type, data from tidemark.events where type <> 'OrderShipped' order by position`,
  )
  const rows = new Map<string, { events: number; amount: number; trail: string }>()
  for (const { id, stream_id: streamId, data } of events) {
    const { events: count, amount, trail } = rows.get(streamId) ?? { events: 0, amount: 0, trail: '' }
    rows.set(streamId, { events: count + 1, amount: amount + (data.amount ?? 0), trail: step(trail, id) })
  }
  return [...rows]
    .map(
      ([streamId, { events: count, amount, trail }]) =>
        `${streamId.slice('order-'.length)} ${count} ${amount} ${trail}`,
    )
    .sort()
}

/** The rows that readers see. */
export async function trailsOfReadModel(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ line: string }>(
    `select order_id || ' ' || events || ' ' || amount || ' ' || trail as line from tidemark_read.order_trails`,
  )
  return rows.map(({ line }) => line).sort()
}

export const hashOf = (lines: readonly string[]) => createHash('sha256').update(lines.join('\n')).digest('hex')

/** Adds payments to orders, which makes those that are new. */
export async function pay(store: EventStore, ids: readonly string[], times = 1): Promise<void> {
  for (let time = 1; time <= times; time++) {
    await Promise.all(
      ids.map((id) =>
        store.append(Order, id, [{ type: 'OrderPaid', data: { amount: time } }], { expectedVersion: 'any' }),
      ),
    )
  }
}
