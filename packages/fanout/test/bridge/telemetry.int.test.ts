import { describe, expect, inject, test } from 'vitest'
import { BrokerUnavailableError, listBridges, defineBridge, type KafkaProducerPort } from '../../src/index.js'
import { useFigures } from '../collect-figures.js'
import { appendOrders, Order, orderIds } from '../order.js'
import { until } from '../until.js'
import { uniqueTopic, useBridges } from '../use-bridges.js'

describe.skipIf(!inject('kafkaBrokers'))('the figures of a bridge', () => {
  const bridges = useBridges()
  const { startBridge, caughtUp, newProducer } = bridges
  const collect = useFigures()

  /** The value of each figure since the last look. */
  const measured = async () =>
    new Map(
      (await collect()).map(({ name, attributes, value }) => {
        expect(attributes).toEqual({ 'tidemark.schema': 'tidemark', 'tidemark.bridge': 'measured' })
        return [name.replace('tidemark.bridge.', ''), value] as const
      }),
    )

  test('tell what was sent, what waits, and what is parked, until it stops', async () => {
    const inner = newProducer()
    let isDown = false
    const producer: KafkaProducerPort = {
      connect: () => inner.connect(),
      partitionCount: (topic) => inner.partitionCount(topic),
      createTopic: (topic, settings) => inner.createTopic(topic, settings),
      disconnect: () => inner.disconnect(),
      send: async (records, options) => {
        if (isDown) throw new BrokerUnavailableError(['nowhere:1'], 'away')
        await inner.send(records, options)
      },
    }
    const bridge = await startBridge({ name: 'measured', topic: uniqueTopic() }, { producer, maxMessageBytes: 5000 })
    await appendOrders(bridges.store, orderIds('measured', 20))
    const large = { type: 'OrderPlaced' as const, data: { total: 1, note: 'x'.repeat(6000) } }
    await bridges.store.append(Order, 'large', [large, large], { expectedVersion: 'no-stream' })
    await caughtUp(bridge)
    await new Promise((resolve) => setTimeout(resolve, 150))
    await appendOrders(bridges.store, ['measured-more'])
    const status = await caughtUp(bridge)
    expect(status.acknowledgedInMs).toBeGreaterThan(0)
    expect(status.eventsPerSecond).toBeGreaterThan(0)
    expect(status).toMatchObject({ stall: undefined, lagMs: 0, parkedKeys: 1, parkedEvents: 2 })
    const figuresNow = await measured()
    expect(figuresNow.get('records')).toBe(63)
    expect(figuresNow.get('send.duration')).toMatchObject({ min: expect.any(Number) })
    expect([figuresNow.get('lag'), figuresNow.get('lag_time')]).toEqual([0, 0])
    expect([figuresNow.get('parked_keys'), figuresNow.get('parked_events')]).toEqual([1, 2])
    expect(figuresNow.get('oldest_unsent')).toBeGreaterThan(0)

    isDown = true
    await appendOrders(bridges.store, ['measured-down'])
    const down = await until(
      () => bridge.status(),
      ({ state }) => state === 'retrying',
    )
    expect(down.stall).toMatchObject({ reason: 'broker', error: expect.stringContaining('nowhere:1') })
    expect(down.lag).toBeGreaterThan(0n)
    // Another process knows what is in the database.
    const [seen] = await until(
      () => listBridges(bridges.store, [defineBridge({ name: 'measured' })]),
      ([one]) => one!.stall !== undefined,
    )
    expect(seen).toMatchObject({
      state: 'retrying',
      stall: { reason: 'poison', error: down.error },
      published: undefined,
    })
    const later = await measured()
    expect(later.get('send.failures')).toBeGreaterThan(0)
    expect(later.get('lag')).toBe(3)
    isDown = false
    await caughtUp(bridge)
    await bridge.stop()
    expect((await measured()).get('lag')).toBeUndefined()
    expect((await bridge.status()).stall).toEqual({ reason: 'lease', owner: undefined })
  })
})
