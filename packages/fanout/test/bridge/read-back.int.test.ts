import { describe, expect, inject, test } from 'vitest'
import { checkPublished, type BridgeOptions, type KafkaProducerPort, type KafkaRecord } from '../../src/index.js'
import { appendOrders, orderIds } from '../order.js'
import { readTopic } from '../read-topic.js'
import { until } from '../until.js'
import { onlyOrders, uniqueTopic, useBridges } from '../use-bridges.js'

const clean = { missing: [], foreign: [], outOfOrder: [], duplicates: 0 }

describe.skipIf(!inject('kafkaBrokers'))('what was published behind the checkpoint', () => {
  const bridges = useBridges()
  const { brokers, newProducer, startBridge, caughtUp, logOf } = bridges

  /** Publishes orders with a bridge, and sets its checkpoint back to the beginning. */
  async function publishAndForget(options: BridgeOptions): Promise<void> {
    const bridge = await startBridge(options)
    await caughtUp(bridge)
    await bridge.stop()
    await bridges.database.pool.query(
      `update tidemark.checkpoints set position = 0, event_id = null where name = 'bridge:${options.name}'`,
    )
  }

  test('is left out, whatever its size and whatever comes after it in the log', async () => {
    const options = { name: 'again', topic: uniqueTopic(), where: onlyOrders('again') }
    await appendOrders(bridges.store, orderIds('again', 50))
    await publishAndForget(options)
    await appendOrders(bridges.store, orderIds('again-later', 10))
    const bridge = await startBridge(options)
    await caughtUp(bridge)
    expect((await bridge.status()).published).toBe(30)
    const events = await logOf('again')
    expect(checkPublished(await readTopic(brokers, options.topic, { count: events.length }), events)).toEqual(clean)
  })

  test('is known by its own id and source, never by what is behind it in the partition', async () => {
    const topic = uniqueTopic()
    await appendOrders(bridges.store, orderIds('shared', 20))
    // Another bridge of the same topic has published later events, and all of them under a source of its own.
    await publishAndForget({
      name: 'later',
      topic,
      where: ({ aggregateId, version }) => aggregateId.startsWith('shared') && version > 1n,
    })
    await publishAndForget({ name: 'other', topic, where: onlyOrders('shared'), source: '/other' })
    const bridge = await startBridge({ name: 'shared', topic, where: onlyOrders('shared') })
    await caughtUp(bridge)
    expect((await bridge.status()).published).toBe(20)
    const events = await logOf('shared')
    const records = await readTopic(brokers, topic, { idleMs: 5000 })
    const own = records.filter(({ headers }) => headers.includes('ce_source:/tidemark/order'))
    expect(own).toHaveLength(events.length)
    expect(records).toHaveLength(2 * events.length)
  })

  test('is published again where the topic cannot be read', async () => {
    const options = { name: 'denied', topic: uniqueTopic(), where: onlyOrders('denied') }
    await appendOrders(bridges.store, orderIds('denied', 5))
    await publishAndForget(options)
    const inner = newProducer()
    const producer: KafkaProducerPort = {
      connect: () => inner.connect(),
      partitionCount: (topic) => inner.partitionCount(topic),
      createTopic: (topic, settings) => inner.createTopic(topic, settings),
      send: (records, sendOptions) => inner.send(records, sendOptions),
      readTail: () => Promise.resolve(undefined),
      disconnect: () => inner.disconnect(),
    }
    const bridge = await startBridge(options, { producer })
    await caughtUp(bridge)
    expect((await bridge.status()).published).toBe(15)
  })

  test('is read up to the end of each partition, and no further back than asked for', async () => {
    const topic = uniqueTopic()
    const producer = newProducer()
    await producer.createTopic(topic, { partitions: 3, replicationFactor: 1 })
    await until(
      () => producer.partitionCount(topic),
      (count) => count === 3,
    )
    const record = (index: number, partition: number, bytes = 10): KafkaRecord => {
      const headers = { ce_id: `id-${index}`, ce_source: '/test' }
      return { topic, partition, key: 'k', value: Buffer.alloc(bytes), headers }
    }
    // Several fetches, since an answer has at most about a megabyte of a partition.
    for (let index = 0; index < 40; index++) await producer.send([record(index, 0, 100_000)])
    await producer.send([record(100, 1), { ...record(101, 1), headers: {} }])
    const tail = await producer.readTail!(topic, [0, 1, 2], 30)
    expect(tail!.filter(({ partition }) => partition === 0).map(({ id }) => id)).toEqual(
      Array.from({ length: 30 }, (_, index) => `id-${index + 10}`),
    )
    expect(tail!.filter(({ partition }) => partition !== 0)).toEqual([{ partition: 1, id: 'id-100', source: '/test' }])
    await expect(producer.readTail!(`${topic}-missing`, [0], 30)).rejects.toThrow()
  })
})
