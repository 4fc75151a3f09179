import { expectTypeOf, test } from 'vitest'
import { given, type PartialState } from '../../src/index.js'
import { Order, placed, type OrderState } from '../order.js'

test('events, inputs and states are those of the aggregate', () => {
  const order = given(Order, placed)
  type Input = Parameters<typeof order.when<'ship'>>[1]
  expectTypeOf<Input>().toEqualTypeOf<{ trackingId: string; note?: string | undefined }>()
  expectTypeOf<Parameters<typeof order.thenState>[0]>().toEqualTypeOf<PartialState<OrderState>>()
  // @ts-expect-error an order has no such state
  order.thenState({ status: 'lost' })
  // @ts-expect-error an order has no such property
  order.thenState({ stat: 'placed' })
  // @ts-expect-error a tracking id is text
  order.when('ship', { trackingId: 7 })
  // @ts-expect-error an order has no such event
  order.when('ship', { trackingId: 't' }).then({ type: 'OrderLost', data: {} })
  // @ts-expect-error the data of another event
  order.when('ship', { trackingId: 't' }).then({ type: 'OrderShipped', data: { note: 'n' } })
})

test('a state is partial down to its arrays', () => {
  expectTypeOf<{ address: { city: string } }>().toExtend<PartialState<OrderState>>()
  expectTypeOf<Pick<OrderState, 'items'>>().toExtend<PartialState<OrderState>>()
  expectTypeOf<{ items: { sku: string }[] }>().not.toExtend<PartialState<OrderState>>()
})

test('older data need not fit the newest schema', () => {
  given(Order, { type: 'OrderPlaced', schemaVersion: 1, data: { total: 1 } })
  // @ts-expect-error without a version it is the newest
  given(Order, { type: 'OrderPlaced', data: { total: 1 } })
})
