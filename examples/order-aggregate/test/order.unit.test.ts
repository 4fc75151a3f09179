import { fold, upcast, type NewEvent } from '@tidemark/eventstore'
import { describe, expect, it } from 'vitest'
import type { z } from 'zod'
import { Order, type OrderState } from '../src/index.js'

const items = [
  { sku: 'tea', quantity: 3, unitPrice: 333 },
  { sku: 'pot', quantity: 1, unitPrice: 6400 },
]
const placed: NewEvent = {
  type: 'OrderPlaced',
  data: { customerId: 'c-1', items, total: 7399, currency: 'EUR' },
  schemaVersion: 2,
}
const paid: NewEvent = {
  type: 'PaymentCaptured',
  data: { customerId: 'c-1', amount: 7399, currency: 'EUR', paymentId: 'p-1' },
}
const shipped: NewEvent = { type: 'OrderShipped', data: { carrier: 'DHL', trackingId: 'T1' } }
const delivered: NewEvent = { type: 'OrderDelivered', data: {} }
const cancelled: NewEvent = {
  type: 'OrderCancelled',
  data: { customerId: 'c-1', reason: 'no', refunded: 0, currency: 'EUR' },
}

const stored = (event: NewEvent, index = 0) => ({
  streamId: 'order-o-1',
  version: BigInt(index + 1),
  schemaVersion: 1,
  metadata: {},
  ...event,
})

function stateAfter(...events: NewEvent[]): OrderState {
  return fold(Order, Order.initialState(), events.map(stored))
}

function decide(state: OrderState, name: keyof typeof Order.commands, input: unknown): unknown {
  const command: { schema: z.ZodType; decide: (state: OrderState, input: never) => unknown } = Order.commands[name]
  return command.decide(state, command.schema.parse(input) as never)
}

describe('an order', () => {
  it('adds its total up when it is placed', () => {
    expect(decide(stateAfter(), 'place', { customerId: 'c-1', items })).toEqual({
      type: 'OrderPlaced',
      data: { customerId: 'c-1', items, total: 7399, currency: 'EUR' },
    })
  })

  it('captures what it costs, once', () => {
    expect(decide(stateAfter(placed), 'pay', { paymentId: 'p-1' })).toMatchObject({
      type: 'PaymentCaptured',
      data: { customerId: 'c-1', amount: 7399, currency: 'EUR' },
    })
    expect(decide(stateAfter(placed, paid), 'pay', { paymentId: 'p-2' })).toMatchObject({ code: 'order-paid' })
  })

  it('gives back what was paid when it is cancelled, and nothing otherwise', () => {
    expect(decide(stateAfter(placed), 'cancel', { reason: 'no' })).toMatchObject({ data: { refunded: 0 } })
    expect(decide(stateAfter(placed, paid), 'cancel', { reason: 'no' })).toMatchObject({ data: { refunded: 7399 } })
  })

  it.each([
    ['pay', [], 'order-not-found'],
    ['place', [placed], 'order-already-placed'],
    ['ship', [placed], 'order-placed'],
    ['deliver', [placed, paid], 'order-paid'],
    ['cancel', [placed, paid, shipped], 'order-shipped'],
    ['cancel', [placed, paid, shipped, delivered], 'order-delivered'],
    ['pay', [placed, cancelled], 'order-cancelled'],
  ] as const)('rejects %s after %j', (command, events, code) => {
    const inputs = {
      place: { customerId: 'c-1', items },
      pay: { paymentId: 'p' },
      ship: { carrier: 'DHL', trackingId: 'T' },
      deliver: {},
      cancel: { reason: 'no' },
    }
    expect(decide(stateAfter(...events), command, inputs[command])).toMatchObject({ rejected: true, code })
  })

  it('knows where a shipped order is', () => {
    expect(stateAfter(placed, paid, shipped)).toMatchObject({ status: 'shipped', trackingId: 'T1', total: 7399 })
    expect(stateAfter(placed, paid, shipped, delivered)).toMatchObject({ status: 'delivered' })
  })

  it('reads the first orders, which did not name their currency', () => {
    const first = stored({ type: 'OrderPlaced', data: { customerId: 'c-1', items, total: 7399 }, schemaVersion: 1 })
    expect(upcast(Order, first)?.data).toEqual({ customerId: 'c-1', items, total: 7399, currency: 'EUR' })
    expect(fold(Order, Order.initialState(), [first])).toMatchObject({ status: 'placed', currency: 'EUR' })
  })

  it('refuses an empty basket and a fraction of a cent', () => {
    const { schema } = Order.commands.place
    expect(schema.safeParse({ customerId: 'c-1', items: [] }).success).toBe(false)
    const fraction = [{ sku: 'tea', quantity: 1, unitPrice: 0.5 }]
    expect(schema.safeParse({ customerId: 'c-1', items: fraction }).success).toBe(false)
  })
})
