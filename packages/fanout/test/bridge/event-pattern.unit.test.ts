import type { RecordedEvent } from '@tidemark/eventstore'
import { expect, test } from 'vitest'
import { defineBridge, type EventPattern } from '../../src/index.js'

const event = {
  type: 'OrderPlaced',
  category: 'order',
  streamId: 'order-o-1',
  aggregateId: 'o-1',
  data: {
    tier: 'premium',
    total: 120,
    paid: false,
    coupon: null,
    address: { country: 'DE', zip: '10115' },
    items: [
      { sku: 'a-1', count: 2 },
      { sku: 'b-7', count: 9 },
    ],
    tags: ['new', 'gift'],
  },
  metadata: { actor: 'customer-7' },
} as unknown as RecordedEvent

const matches = (where: EventPattern | readonly EventPattern[]) => defineBridge({ name: 'b', where }).matches(event)

test.each<[boolean, EventPattern | readonly EventPattern[]]>([
  [true, { type: 'OrderPlaced' }],
  [false, { type: 'OrderPaid' }],
  [true, { type: ['OrderPaid', 'OrderPlaced'] }],
  [true, { type: { prefix: 'Order' } }],
  [false, { type: { prefix: 'order' } }],
  [true, { aggregate: 'order', data: { tier: 'premium', total: { gt: 100 } } }],
  [false, { data: { tier: 'premium', total: { gt: 120 } } }],
  [true, { data: { total: { gte: 120, lt: 121 } } }],
  [false, { data: { total: { gte: 100, lt: 120 } } }],
  [true, { data: { total: { lte: 120 } } }],
  [true, { data: { total: [5, { gt: 100 }] } }],
  [true, { data: { paid: false, coupon: null } }],
  [false, { data: { coupon: false } }],
  [true, { data: { address: { country: ['AT', 'DE'], zip: { prefix: '10' } } } }],
  [false, { data: { address: { country: 'DE', street: null } } }],
  [false, { data: { toString: { prefix: '' } } }],
  // An element must match as a whole: no item is both.
  [true, { data: { items: { sku: 'a-1', count: { lt: 5 } } } }],
  [false, { data: { items: { sku: 'a-1', count: { gt: 5 } } } }],
  [true, { data: { tags: 'gift' } }],
  [true, { metadata: { actor: { prefix: 'customer-' } } }],
  [false, { tenant: 'acme' }],
  // Text is no number, and a missing field is in no range.
  [false, { data: { tier: { gt: 0 } } }],
  [false, { data: { nothing: { lt: 1 } } }],
  [true, [{ type: 'OrderPaid' }, { data: { total: 120 } }]],
  [false, [{ type: 'OrderPaid' }, { data: { total: 121 } }]],
])('%s for %j', (expected, where) => {
  expect(matches(where)).toBe(expected)
})

test.each<[unknown, string]>([
  [{}, 'where says nothing'],
  [[], 'where is empty'],
  [{ data: { total: { gt: '100' } } }, 'where.data.total.gt is not a number'],
  [{ data: { total: { gt: NaN } } }, 'where.data.total.gt is not a number'],
  [{ data: { tier: { prefix: 1 } } }, 'where.data.tier.prefix is not text'],
  [{ data: { total: { gt: 1, currency: 'EUR' } } }, 'where.data.total mixes the test "gt" with fields'],
  [{ data: { total: undefined } }, 'where.data.total cannot be of type undefined'],
  [{ data: { tags: [] } }, 'where.data.tags is an empty list'],
  [{ typ: 'OrderPlaced' }, 'where.typ is not one of type, aggregate, tenant, data, metadata'],
  [[{ type: 'a' }, 'OrderPlaced'], 'where[1] is not an object'],
])('refuses %j', (where, message) => {
  const define = () => defineBridge({ name: 'b', where: where as EventPattern })
  expect(define).toThrow(expect.objectContaining({ code: 'FANOUT_CONFIGURATION' }))
  expect(define).toThrow(message)
})
