import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  ConfigurationError,
  defineAggregate,
  event,
  fold,
  storedTypesOf,
  UnknownEventError,
  upcast,
} from '../src/index.js'

const Total = z.object({ total: z.number(), currency: z.string() })

/** An order whose past is full of changes: a type that was renamed twice, one that was retired. */
const Order = defineAggregate({
  name: 'order',
  initialState: () => ({ totals: [] as string[], shipped: false }),
  events: {
    OrderPlaced: event(Total, {
      version: 3,
      upcast: {
        1: ({ sum }) => ({ total: sum }),
        2: (v2) => ({ ...v2, currency: 'EUR' }),
      },
      formerly: ['OrderCreated', 'OrderMade'],
    }),
    OrderShipped: event(z.object({}), { formerly: ['Shipped'] }),
  },
  evolve: {
    OrderPlaced: (state, { data, type }) => ({
      ...state,
      totals: [...state.totals, `${type} ${data.total} ${data.currency}`],
    }),
    OrderShipped: (state) => ({ ...state, shipped: true }),
  },
  commands: () => ({}),
  retired: ['OrderNoted'],
})

const stored = (type: string, schemaVersion: number, data: unknown) => ({
  ...{ streamId: 'order-1', version: 1n, metadata: {} },
  ...{ type, schemaVersion, data },
})

describe('former names', () => {
  test('are read as the present type, with their schema versions on its chain', () => {
    const events = [
      stored('OrderMade', 1, { sum: 1 }),
      stored('OrderCreated', 2, { total: 2 }),
      stored('OrderCreated', 3, { total: 3, currency: 'CHF' }),
      stored('OrderPlaced', 3, { total: 4, currency: 'USD' }),
      stored('Shipped', 1, {}),
    ]
    expect(fold(Order, Order.initialState(), events)).toEqual({
      totals: ['OrderPlaced 1 EUR', 'OrderPlaced 2 EUR', 'OrderPlaced 3 CHF', 'OrderPlaced 4 USD'],
      shipped: true,
    })
    expect(upcast(Order, events[0]!)).toMatchObject({ type: 'OrderPlaced', schemaVersion: 3 })
  })

  test('at a newer schema version than the present type has are refused under the name that is stored', () => {
    expect(() => upcast(Order, stored('OrderCreated', 4, {}))).toThrow(UnknownEventError)
    expect(() => upcast(Order, stored('OrderCreated', 4, {}))).toThrow(
      /event OrderCreated version 4 .* knows version 3/,
    )
  })

  test('belong to what a filter of the log asks for', () => {
    expect(storedTypesOf([Order], ['OrderPlaced'])).toEqual(['OrderPlaced', 'OrderCreated', 'OrderMade'])
    expect(storedTypesOf([Order], ['OrderShipped', 'toString'])).toEqual(['OrderShipped', 'toString', 'Shipped'])
    expect(storedTypesOf([], ['OrderPlaced'])).toEqual(['OrderPlaced'])
  })
})

describe('types that are read and change nothing', () => {
  test('are the retired ones, whatever their schema version', () => {
    expect(upcast(Order, stored('OrderNoted', 7, { note: 'n' }))).toBeUndefined()
    expect(fold(Order, Order.initialState(), [stored('OrderNoted', 7, {})])).toEqual(Order.initialState())
  })

  test('are unknown ones only where the aggregate says so', () => {
    expect(() => upcast(Order, stored('OrderLost', 1, {}))).toThrow(UnknownEventError)
    expect(() => upcast(Order, stored('toString', 1, {}))).toThrow(UnknownEventError)
    const Lenient = defineAggregate({
      ...Order,
      commands: () => ({}),
      snapshot: { every: 9, version: 1 },
      unknownEvents: 'ignore',
    })
    expect(upcast(Lenient, stored('OrderLost', 1, {}))).toBeUndefined()
    // To skip the new shape of an event that matters would be a state that is wrong in silence.
    expect(() => upcast(Lenient, stored('OrderPlaced', 4, {}))).toThrow(UnknownEventError)
  })
})

describe('a stored type with two meanings is refused when the aggregate is defined', () => {
  const define = (formerlyOfA: readonly string[], formerlyOfB: readonly string[], retired: readonly string[]) =>
    defineAggregate({
      name: 'thing',
      initialState: () => ({}),
      events: { A: event(z.object({}), { formerly: formerlyOfA }), B: event(z.object({}), { formerly: formerlyOfB }) },
      evolve: { A: (state) => state, B: (state) => state },
      commands: () => ({}),
      retired,
    })

  test.each([
    ['a former name that is a present type', [['B'], [], []], 'a present type and a former name of A'],
    ['its own name as a former one', [['A'], [], []], 'a present type and a former name of A'],
    ['a former name of two types', [['X'], ['X'], []], 'a former name of A and a former name of B'],
    ['the same former name twice', [['X', 'X'], [], []], 'a former name of A and a former name of A'],
    ['a retired former name', [['X'], [], ['X']], 'a former name of A and a retired type'],
    ['a retired present type', [[], [], ['B']], 'a present type and a retired type'],
    ['a type that is retired twice', [[], [], ['X', 'X']], 'a retired type and a retired type'],
    ['a name that no event can have', [['$truncated'], [], []], '"$truncated" can be no event type'],
  ] as const)('%s', (_what, [a, b, retired], message) => {
    expect(() => define(a, b, retired)).toThrow(ConfigurationError)
    expect(() => define(a, b, retired)).toThrow(message)
  })

  test('what is told apart is accepted', () => {
    expect(define(['X'], ['Y'], ['Z']).retired).toEqual(['Z'])
  })
})
