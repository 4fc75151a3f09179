import { defineAggregate, event, UnknownEventError, type RecordedEvent } from '@tidemark/eventstore'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineProjection, HandlerFailedError, InvalidRowError } from '../src/index.js'
import { typesOf } from '../src/any-projection.js'
import { RowFold } from '../src/fold-rows.js'
import type { Row } from '../src/row.js'
import { Order, orderSummary } from './order.js'

let position = 0n
const recorded = (type: string, aggregateId: string, data: unknown): RecordedEvent => ({
  position: ++position,
  ...{ id: `id-${position}`, streamId: `order-${aggregateId}`, category: 'order', aggregateId, version: 1n },
  ...{ type, schemaVersion: type === 'OrderPlaced' ? 2 : 1, data, metadata: {}, recordedAt: new Date(0) },
})
const placed = (id: string, total = 1) => recorded('OrderPlaced', id, { customerId: 'c', total, currency: 'EUR' })

const foldOf = (projection: typeof orderSummary | ReturnType<typeof counting>) => {
  const fold = new RowFold(projection)
  return (events: RecordedEvent[], rows = new Map<string | number, Row | null>()) => fold.apply(fold.plan(events), rows)
}
const counting = (handler: (row: { id: string; n: number } | null) => { id: string; n: number } | null) =>
  defineProjection({
    ...{ name: 'counting', version: 1, schema: z.object({ id: z.string(), n: z.number().max(2) }), key: 'id' },
    keyOf: () => ['one', 'two', 'one'],
    on: [Order, { OrderPlaced: handler }],
  })

test('the result depends on the events and not on the batches', () => {
  const events = [
    placed('a'),
    recorded('OrderShipped', 'a', { trackingId: 't' }),
    placed('b'),
    recorded('OrderForgotten', 'a', {}),
    placed('a', 7),
    recorded('OrderSeen', 'b', {}),
  ]
  const fold = foldOf(orderSummary)
  const whole = new Map<string | number, Row | null>()
  fold(events, whole)
  const single = new Map<string | number, Row | null>()
  for (const event of events) fold([event], single)
  expect(single).toEqual(whole)
  expect(whole.get('a')).toMatchObject({ total: 7, status: 'placed' })
})

test('a row that a batch made and took away again is deleted only if it was there', () => {
  const fold = foldOf(orderSummary)
  expect(fold([placed('a'), recorded('OrderForgotten', 'a', {})])).toEqual({ upserts: [], deletes: [] })
  const before = new Map([['a', { orderId: 'a' }]])
  expect(fold([recorded('OrderForgotten', 'a', {})], before)).toEqual({ upserts: [], deletes: ['a'] })
})

test('an event that was renamed is handled as its present type, and a retired one is passed over', () => {
  const aggregate = <const Name extends string>(name: Name, formerly: readonly string[], retired: readonly string[]) =>
    defineAggregate({
      ...{ name, initialState: () => ({}), commands: () => ({}), retired },
      events: { Counted: event(z.object({ n: z.int() }), { formerly }), Seen: event(z.object({})) },
      evolve: { Counted: (state) => state, Seen: (state) => state },
    })
  // What one aggregate had as a name of this event is an event of its own, or nothing, in another.
  const aggregates = [aggregate('a', ['Tallied', 'Viewed'], []), aggregate('b', [], ['Tallied'])] as const
  const projection = defineProjection({
    ...{ name: 'sums', version: 1, schema: z.object({ id: z.string(), n: z.int() }), key: 'id' },
    on: [aggregates, { Counted: (row, { aggregateId, data }) => ({ id: aggregateId, n: (row?.n ?? 0) + data.n }) }],
  })
  expect(typesOf(projection)).toEqual(['Counted', 'Tallied', 'Viewed'])
  const stored = (category: string, type: string, n: number) => ({ ...recorded(type, 'x', { n }), category })
  const fold = new RowFold(projection)
  const steps = fold.plan([
    stored('a', 'Tallied', 1),
    stored('b', 'Tallied', 2),
    stored('b', 'Counted', 4),
    stored('a', 'Seen', 8),
  ])
  expect(steps.map((step) => step.event.type)).toEqual(['Counted', 'Counted'])
  expect(fold.apply(steps, new Map()).upserts).toEqual([{ id: 'x', n: 5 }])
  // What one aggregate knows may be newer code's in another.
  expect(() => fold.plan([stored('b', 'Viewed', 16)])).toThrow(UnknownEventError)
})

test('an event touches each of its keys once', () => {
  const fold = foldOf(counting((row) => ({ id: 'one', n: (row?.n ?? 0) + 1 })))
  expect(() => fold([placed('a')])).toThrow(/the key is "one", but the event is for "two"/)
})

test('a row is checked after each event, so that the culprit is named', () => {
  const projection = defineProjection({
    ...{ name: 'counting', version: 1, schema: z.object({ id: z.string(), n: z.number().max(2) }), key: 'id' },
    on: [Order, { OrderPlaced: (row, { data }) => ({ id: 'a', n: (row?.n ?? 0) + data.total }) }],
  })
  const fold = new RowFold(projection)
  const events = [placed('a', 2), placed('a', 1), placed('a', -1)]
  try {
    fold.apply(fold.plan(events), new Map())
    expect.unreachable()
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidRowError)
    expect(error).toMatchObject({ projection: 'counting', key: 'a', path: '$.n', position: events[1]?.position })
  }
})

test('a handler that changes its row in place fails', () => {
  const fold = new RowFold(
    defineProjection({
      ...{ name: 'impure', version: 1, schema: z.object({ id: z.string(), n: z.number() }), key: 'id' },
      on: [Order, { OrderPlaced: (row) => (row ? Object.assign(row, { n: row.n + 1 }) : { id: 'a', n: 1 }) }],
    }),
  )
  expect(() => fold.apply(fold.plan([placed('a'), placed('a')]), new Map())).toThrow(HandlerFailedError)
})
