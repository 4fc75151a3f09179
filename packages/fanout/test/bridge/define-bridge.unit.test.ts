import { defineAggregate, event, type RecordedEvent } from '@tidemark/eventstore'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { createBridge, createKafkaProducer, defineBridge, type BridgeOptions } from '../../src/index.js'
import { Order } from '../order.js'

const eventOf = (category: string) => ({ category, streamId: `${category}-1`, aggregateId: '1' }) as RecordedEvent

test('publishes an aggregate to <aggregate>.events unless said', () => {
  const bridge = defineBridge({ name: 'orders', from: [Order] })
  expect(bridge.topics).toEqual(['order.events'])
  expect(bridge.topicOf(eventOf('order'))).toBe('order.events')
  expect(bridge.filter).toEqual({ categories: ['order'], types: undefined })
})

test('publishes an event that was renamed under its former names, too', () => {
  const Renamed = defineAggregate({
    name: 'order',
    initialState: () => ({}),
    events: { OrderPlaced: event(z.object({}), { formerly: ['OrderCreated'] }) },
    evolve: { OrderPlaced: (state) => state },
    commands: () => ({}),
  })
  const bridge = defineBridge({ name: 'orders', from: [Renamed], types: ['OrderPlaced'] })
  expect(bridge.filter.types).toEqual(['OrderPlaced', 'OrderCreated'])
})

test('takes one topic, a topic per aggregate, or a function', () => {
  const one = defineBridge({ name: 'all', topic: 'log' })
  expect([one.topics, one.topicOf(eventOf('order')), one.topicOf(eventOf('payment'))]).toEqual([['log'], 'log', 'log'])
  const mapped = defineBridge({ name: 'all', topic: { order: 'shop.orders' } })
  expect(mapped.topics).toEqual(['shop.orders'])
  expect([mapped.topicOf(eventOf('order')), mapped.topicOf(eventOf('toString'))]).toEqual([
    'shop.orders',
    'toString.events',
  ])
  const chosen = defineBridge({ name: 'all', topic: ({ category }) => `${category}-v1` })
  expect([chosen.topics, chosen.topicOf(eventOf('order'))]).toEqual([[], 'order-v1'])
  const strange = defineBridge({ name: 'all', topic: () => 'no topic' })
  expect(() => strange.topicOf(eventOf('order'))).toThrow('topic "no topic" is not usable')
})

test.each<[BridgeOptions, string]>([
  [{ name: 'a b' }, 'bridge name "a b" is not usable'],
  [{ name: 'b', topic: 'a b' }, 'topic "a b" is not usable'],
  [{ name: 'b', topic: '..' }, 'topic ".." is not usable'],
  [{ name: 'b', from: [] }, 'publishes nothing'],
  [{ name: 'b', types: [] }, 'publishes nothing'],
  [{ name: 'b', from: [Order], types: ['OrderPlcaed'] }, 'has an event OrderPlcaed, they have OrderPlaced,'],
  [{ name: 'b', from: [Order], topic: { ordr: 'orders' } }, 'has a topic for "ordr"'],
])('refuses %j', (options, message) => {
  expect(() => defineBridge(options)).toThrow(expect.objectContaining({ code: 'FANOUT_CONFIGURATION' }))
  expect(() => defineBridge(options)).toThrow(message)
})

test('refuses options that cannot work', () => {
  expect(() => createKafkaProducer({ brokers: [] })).toThrow('got none')
  expect(() => createKafkaProducer({ brokers: ['localhost'] })).toThrow('host:port, got "localhost"')
  const producer = createKafkaProducer({ brokers: ['localhost:9092'] })
  const create = (options: object) => () =>
    createBridge(undefined as never, defineBridge({ name: 'b' }), { producer, ...options })
  expect(create({ batchSize: 0 })).toThrow('batchSize is a whole number from 1')
  expect(create({ maxMessageBytes: NaN })).toThrow('maxMessageBytes is at least 1024')
})
