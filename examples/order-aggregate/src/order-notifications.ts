import { defineConsumer, type ConsumedFrom } from '@tidemark/fanout'
import type { ClientBase } from 'pg'
import { Order } from './order.js'

/** Makes the log of what customers are told; whoever sends mail works through it. */
export async function createNotificationLog(transaction: ClientBase): Promise<void> {
  await transaction.query(`
    create table if not exists order_notifications (
      id       bigint generated always as identity primary key,
      order_id text not null,
      event_id text not null,
      message  text not null,
      noted_at timestamptz not null default now()
    )`)
}

async function note(
  transaction: ClientBase,
  { id, aggregateId }: Pick<ConsumedFrom<typeof Order>, 'id' | 'aggregateId'>,
  message: string,
): Promise<void> {
  const text = 'insert into order_notifications (order_id, event_id, message) values ($1, $2, $3)'
  await transaction.query(text, [aggregateId, id, message])
}

const money = (amount: number, currency: string) => `${(amount / 100).toFixed(2)} ${currency}`

/**
 * Notes a message to the customer for each step of an order that the bridge has published.
 *
 * Kafka and the bridge repeat records after a crash. The inbox of the consumer moves with the row, so each message is noted once, though the table has
 * nothing unique.
 */
export const orderNotifications = defineConsumer({
  name: 'order-notifications',
  topics: ['shop.orders'],
  on: [
    Order,
    {
      OrderPlaced: (transaction, event) =>
        note(transaction, event, `we have your order of ${money(event.data.total, event.data.currency)}`),
      PaymentCaptured: (transaction, event) =>
        note(transaction, event, `we have your payment of ${money(event.data.amount, event.data.currency)}`),
      OrderShipped: (transaction, event) =>
        note(transaction, event, `${event.data.carrier} brings it: ${event.data.trackingId}`),
      OrderCancelled: (transaction, event) => note(transaction, event, `it is cancelled: ${event.data.reason}`),
    },
  ],
})
