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

test('fills templates from the event', () => {
  const bridge = defineBridge({ name: 'b', from: [Order], topic: 'shop.{aggregate}.{type}' })
  expect(bridge.topics).toEqual([])
  expect(bridge.topicOf({ ...eventOf('order'), type: 'OrderPlaced' })).toBe('shop.order.OrderPlaced')
  expect(() => bridge.topicOf({ ...eventOf('order'), type: 'Order placed' })).toThrow('is not usable')
  const perTenant = defineBridge({ name: 'b', topic: '{tenant}.events' })
  expect(perTenant.topicOf({ ...eventOf('order'), tenant: 'acme' })).toBe('acme.events')
  expect(() => perTenant.topicOf(eventOf('order'))).toThrow('the event has no tenant')
  expect(defineBridge({ name: 'b', from: [Order], topic: 'shop.{aggregate}' }).topics).toEqual(['shop.order'])
})

test('publishes everything unless said, but what the store notes of itself', () => {
  const all = defineBridge({ name: 'all' })
  const event = (category: string) => ({ category, type: 'Any', data: {} }) as unknown as RecordedEvent
  expect(['order', 'tidemark.audit', 'tidemarks'].filter((category) => all.matches(event(category)))).toEqual([
    'order',
    'tidemarks',
  ])
})

test('sends an event by the first topic rule that matches', () => {
  const bridge = defineBridge({
    name: 'b',
    from: [Order],
    topic: [
      { where: { type: 'OrderPlaced', data: { tier: 'premium', total: { gt: 100 } } }, to: 'premium-orders' },
      { where: ({ type }) => type === 'OrderPlaced', to: 'placed-orders' },
      { to: '{aggregate}.events' },
    ],
  })
  expect(bridge.topics).toEqual(['premium-orders', 'placed-orders', 'order.events'])
  const placed = (data: unknown) => bridge.topicOf({ ...eventOf('order'), type: 'OrderPlaced', data })
  expect(placed({ tier: 'premium', total: 101 })).toBe('premium-orders')
  expect(placed({ tier: 'premium', total: 100 })).toBe('placed-orders')
  expect(bridge.topicOf({ ...eventOf('order'), type: 'OrderPaid', data: {} })).toBe('order.events')
})

test('parks unless it is told to halt, and chooses the partition of Java', () => {
  const bridge = defineBridge({ name: 'b' })
  expect([bridge.onUnpublishable, bridge.partitioner('21', 1000)]).toEqual(['park', (-973932308 & 0x7fffffff) % 1000])
})

test.each<[BridgeOptions, string]>([
  [{ name: 'a b' }, 'bridge name "a b" is not usable'],
  [{ name: 'b', topic: 'a b' }, 'topic "a b" is not usable'],
  [{ name: 'b', topic: '..' }, 'topic ".." is not usable'],
  [{ name: 'b', from: [] }, 'publishes nothing'],
  [{ name: 'b', types: [] }, 'publishes nothing'],
  [{ name: 'b', from: [Order], types: ['OrderPlcaed'] }, 'has an event OrderPlcaed, they have OrderPlaced,'],
  [{ name: 'b', from: [Order], topic: { ordr: 'orders' } }, 'has a topic for "ordr"'],
  [{ name: 'b', topic: '{category}.events' }, 'has {category}, a template knows {aggregate}, {type} and {tenant}'],
  [{ name: 'b', topic: '{aggregate} events' }, 'topic "x events" is not usable'],
  [{ name: 'b', topic: [{ where: { type: 'A' }, to: 'a' }] }, 'the last topic rule, and no other'],
  [{ name: 'b', topic: [{ to: 'a' }, { to: 'b' }] }, 'the last topic rule, and no other'],
  [{ name: 'b', topic: [{ where: { data: {} }, to: 'a' }, { to: 'b' }] }, 'topic[0].where.data says nothing'],
  [{ name: 'b', payload: 'thin' as never }, 'payload cannot be "thin": it is event or notification'],
  [{ name: 'b', format: 'xml' as never }, 'format cannot be "xml": it is binary or structured'],
  [{ name: 'b', onUnpublishable: 'skip' as never }, 'onUnpublishable cannot be "skip": it is park or halt'],
  [{ name: 'b', createTopics: { partitions: 0, replicationFactor: 1 } }, 'partitions is a whole number from 1'],
  [
    { name: 'b', createTopics: { partitions: 1, replicationFactor: 1, cleanupPolicy: 'compact' as never } },
    'compaction keeps the last event of a stream',
  ],
  [
    { name: 'b', createTopics: { partitions: 1, replicationFactor: 1, minInsyncReplicas: 2 } },
    'minInsyncReplicas is more than its replicationFactor',
  ],
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

test('takes 1 to 64 lanes, each with a producer of its own', () => {
  for (const lanes of [0, 65, 1.5, NaN]) {
    expect(() => defineBridge({ name: 'orders', lanes })).toThrow('lanes is a whole number from 1 to 64')
  }
  expect(defineBridge({ name: 'orders' }).lanes).toBe(1)
  const producer = createKafkaProducer({ brokers: ['127.0.0.1:9092'] })
  expect(() => createBridge({} as never, defineBridge({ name: 'orders', lanes: 2 }), { producer })).toThrow(
    'it has 2 lanes, which need a producer each',
  )
})
