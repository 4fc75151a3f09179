import { describe, expect, inject, test } from 'vitest'
import { checkPublished, defineBridge, replayToTopic } from '../../src/index.js'
import { appendOrders, Order, orderIds } from '../order.js'
import { readTopic } from '../read-topic.js'
import { onlyOrders, uniqueTopic, useBridges } from '../use-bridges.js'

const clean = { missing: [], foreign: [], outOfOrder: [], duplicates: 0 }

describe.skipIf(!inject('kafkaBrokers'))('a range of the log', () => {
  const bridges = useBridges()
  const { brokers, createTopics, newProducer, startBridge, caughtUp, logOf } = bridges
  test('is published again to another topic, beside the live flow, up to the head', async () => {
    const options = { name: 'other', topic: uniqueTopic(), where: onlyOrders('other') }
    const bridge = await startBridge(options)
    await appendOrders(bridges.store, orderIds('other', 40))
    await caughtUp(bridge)
    await bridge.stop()
    await appendOrders(bridges.store, orderIds('other-later', 5))
    const events = await logOf('other')
    const topic = `${options.topic}.again`
    const from = events[10]!.position
    const done: bigint[] = []
    const replayed = await replayToTopic(bridges.store, defineBridge(options), {
      ...{ producer: newProducer(), createTopics, topic, from, batchSize: 25 },
      onProgress: (progress) => done.push(progress.done),
    })
    expect(replayed).toEqual({ published: events.length - 10, leftOut: 0, position: events.at(-1)!.position })
    expect(done.length).toBeGreaterThan(4)
    const records = await readTopic(brokers, topic, { count: events.length - 10 })
    expect(checkPublished(records, events.slice(10))).toEqual(clean)
    expect((await bridge.status()).lag).toBe(15n)
  })

  test('goes no further to the topics of the bridge than the bridge has come, and leaves parked keys alone', async () => {
    const options = { name: 'own', topic: uniqueTopic(), where: onlyOrders('own') }
    await appendOrders(bridges.store, orderIds('own', 10))
    const placed = (note: string) => ({ type: 'OrderPlaced' as const, data: { total: 1, note } })
    await bridges.store.append(Order, 'own-large', [placed('x'), placed('x'.repeat(6000)), placed('x')], {
      expectedVersion: 'no-stream',
    })
    const bridge = await startBridge(options, { maxMessageBytes: 5000 })
    await caughtUp(bridge)
    await bridge.stop()
    const published = await logOf('own')
    await appendOrders(bridges.store, orderIds('own-later', 5))
    // With room for the large one: what the bridge has not published must not come from here first.
    const replayed = await replayToTopic(bridges.store, defineBridge(options), { producer: newProducer() })
    expect(replayed).toEqual({ published: 31, leftOut: 2, position: published.at(-1)!.position })
    const records = await readTopic(brokers, options.topic, { count: 62 })
    const expected = published.filter(({ streamId, version }) => streamId !== 'order-own-large' || version === 1n)
    expect(checkPublished(records, expected)).toEqual({ ...clean, duplicates: 31 })
  })

  test('is published no faster than asked for, and ends where it is told to', async () => {
    const options = { name: 'slow', topic: uniqueTopic(), where: onlyOrders('slow') }
    await appendOrders(bridges.store, orderIds('slow', 20))
    const events = await logOf('slow')
    const before = performance.now()
    const { published, position } = await replayToTopic(bridges.store, defineBridge(options), {
      ...{ producer: newProducer(), createTopics, topic: `${options.topic}.again`, eventsPerSecond: 20 },
      ...{ from: events[0]!.position, to: events[29]!.position },
    })
    expect([published, position]).toEqual([30, events[29]!.position])
    expect(performance.now() - before).toBeGreaterThan(1400)
    const ending = new AbortController()
    const aborted = replayToTopic(bridges.store, defineBridge(options), {
      ...{ producer: newProducer(), createTopics, topic: `${options.topic}.again`, eventsPerSecond: 20 },
      ...{ signal: ending.signal, onProgress: () => ending.abort() },
    })
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' })
  })

  test('leaves out what cannot be published, with the later events of its key', async () => {
    const options = { name: 'left', topic: uniqueTopic(), where: onlyOrders('left') }
    await appendOrders(bridges.store, orderIds('left', 3))
    const broken = defineBridge({
      ...options,
      payload: ({ aggregateId, version }) => {
        if (aggregateId === 'left-1' && version === 2n) throw new RangeError('not this one')
        return {}
      },
    })
    const replay = { producer: newProducer(), createTopics, topic: `${options.topic}.again` }
    expect(await replayToTopic(bridges.store, broken, replay)).toMatchObject({ published: 7, leftOut: 2 })
    await expect(replayToTopic(bridges.store, broken, { ...replay, topic: 'a b' })).rejects.toThrow('is not usable')
    await expect(replayToTopic(bridges.store, broken, { ...replay, eventsPerSecond: 0 })).rejects.toThrow('is above 0')
  })
})
