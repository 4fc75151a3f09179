import { expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { defineHandler, defineProjection, type RowOf } from '../../src/index.js'
import { Order, Payment, orderSummary } from '../order.js'

test('the row comes from the schema, the events from the aggregate', () => {
  expectTypeOf<RowOf<typeof orderSummary>['status']>().toEqualTypeOf<'placed' | 'shipped'>()
  expectTypeOf(orderSummary.name).toEqualTypeOf<'order-summary'>()
  defineProjection({
    name: 'x',
    version: 1,
    schema: z.object({ id: z.string(), n: z.number() }),
    key: 'id',
    keyOf: (event) => {
      expectTypeOf(event.type).toEqualTypeOf<'OrderPlaced' | 'PaymentTaken'>()
      return [event.data.customerId]
    },
    on: [
      [Order, Payment],
      {
        OrderPlaced: (row, event, key) => {
          expectTypeOf(row).toEqualTypeOf<Readonly<{ id: string; n: number }> | null>()
          expectTypeOf(event.data).toEqualTypeOf<{ customerId: string; total: number; currency: string }>()
          return { id: String(key), n: event.data.total }
        },
        PaymentTaken: (_row, event) => {
          expectTypeOf(event.data).toEqualTypeOf<{ customerId: string; amount: number }>()
          return null
        },
      },
    ],
  })
})

test('what does not fit is refused', () => {
  const schema = z.object({ id: z.string(), at: z.date(), status: z.enum(['a', 'b']) })
  const at = new Date()
  // @ts-expect-error a date is no key
  defineProjection({ name: 'x', version: 1, schema, key: 'at', on: [Order, { OrderForgotten: () => null }] })
  // @ts-expect-error the aggregate has no such event
  defineProjection({ name: 'x', version: 1, schema, key: 'id', on: [Order, { PaymentTaken: () => null }] })
  defineProjection({
    name: 'x',
    version: 1,
    schema,
    key: 'id',
    // @ts-expect-error c is no status
    on: [Order, { OrderPlaced: (_row, event) => ({ id: event.aggregateId, at, status: 'c' }) }],
  })
  defineProjection({
    name: 'x',
    version: 1,
    schema,
    key: 'id',
    on: [Order, { OrderPlaced: () => null }],
    // @ts-expect-error the schema has no such property
    api: { sort: ['nothing'] },
  })
})

test('a raw handler gets the union of the events', () => {
  defineHandler({
    name: 'x',
    version: 1,
    on: [Order, Payment],
    types: ['PaymentTaken', 'OrderPlaced'],
    handle: async (_transaction, events) => {
      expectTypeOf(events[0]!.type).toEqualTypeOf<
        'OrderPlaced' | 'OrderShipped' | 'OrderForgotten' | 'OrderSeen' | 'PaymentTaken'
      >()
    },
  })
})
