import { event } from '@tidemark/eventstore'
import { z } from 'zod'

/** What is ordered. Amounts are in the currency's smallest unit, such as cents, so that sums are exact. */
export const OrderItem = z.object({
  sku: z.string().min(1),
  quantity: z.int().min(1).max(1000),
  unitPrice: z.int().min(0).max(100_000_000),
})
export type OrderItem = z.infer<typeof OrderItem>

export const Currency = z.string().regex(/^[A-Z]{3}$/, 'a currency is three capital letters, such as EUR')

/** What can happen to an order. */
export const orderEvents = {
  OrderPlaced: event(
    z.object({ customerId: z.string().min(1), items: z.array(OrderItem).min(1), total: z.int(), currency: Currency }),
    // The shop began in one country: its first orders do not name their currency.
    { version: 2, upcast: { 1: (v1) => ({ ...v1, currency: 'EUR' }) } },
  ),
  // The customer is repeated, so that a read model per customer need not look the order up.
  PaymentCaptured: event(
    z.object({ customerId: z.string(), amount: z.int(), currency: Currency, paymentId: z.string() }),
  ),
  OrderShipped: event(z.object({ carrier: z.string(), trackingId: z.string() })),
  OrderDelivered: event(z.object({ receivedBy: z.string().optional() })),
  OrderCancelled: event(
    z.object({ customerId: z.string(), reason: z.string(), refunded: z.int(), currency: Currency }),
  ),
}
