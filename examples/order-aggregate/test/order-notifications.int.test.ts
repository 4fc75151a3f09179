import { createBridge, createConsumer, createKafkaProducer, defineBridge, replayToTopic } from '@tidemark/fanout'
import { afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { createNotificationLog, Order, orderNotifications } from '../src/index.js'
import { useShop } from './shop.js'

const brokers = inject('kafkaBrokers')

describe.skipIf(!brokers)('the order notifications', () => {
  const shop = useShop()
  const stops: (() => Promise<unknown>)[] = []
  beforeAll(async () => {
    const client = await shop.pool.connect()
    await createNotificationLog(client)
    client.release()
  })
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop()
  })

  it('are noted once, however often a record comes', async () => {
    const { store } = shop
    const tea = [{ sku: 'tea', quantity: 2, unitPrice: 500 }]
    await store.execute(Order, 'o-1', 'place', { customerId: 'c-1', items: tea })
    await store.execute(Order, 'o-1', 'pay', { paymentId: 'p-1' })
    await store.execute(Order, 'o-1', 'ship', { carrier: 'DHL', trackingId: 'T1' })
    await store.execute(Order, 'o-1', 'deliver', {})

    // Topics are shared by all tests, so this one has its own.
    const topic = `shop.orders-${process.pid}-${Date.now()}`
    const bridge = defineBridge({
      name: topic,
      from: [Order],
      topic,
      createTopics: { partitions: 2, replicationFactor: 1 },
    })
    const producer = createKafkaProducer({ brokers: [brokers!] })
    stops.push(() => producer.disconnect())
    const running = createBridge(store, bridge, { producer })
    await running.start()
    stops.push(() => running.stop())
    const own = { ...orderNotifications, topics: [topic], group: topic }
    const consumer = createConsumer(store, own, {
      kafka: { brokers: [brokers!] },
      createTopics: { replicationFactor: 1 },
    })
    await consumer.start()
    stops.push(() => consumer.stop())
    await expect.poll(() => consumer.status(), { timeout: 30_000 }).toMatchObject({ handled: 3, passed: 1 })

    const { position } = await store.head()
    await replayToTopic(store, bridge, { producer, from: 1n, to: position })
    await expect.poll(() => consumer.status(), { timeout: 30_000 }).toMatchObject({ duplicates: 3, passed: 2 })
    const { rows } = await shop.pool.query('select order_id, message from order_notifications order by id')
    expect(rows).toEqual([
      { order_id: 'o-1', message: 'we have your order of 10.00 EUR' },
      { order_id: 'o-1', message: 'we have your payment of 10.00 EUR' },
      { order_id: 'o-1', message: 'DHL brings it: T1' },
    ])
  })
})
