import type { RecordedEvent } from '@tidemark/eventstore'
import { runKafkaTool } from '@tidemark/test-servers'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, inject, test } from 'vitest'
import {
  BrokerUnavailableError,
  checkPublished,
  defineBridge,
  KafkaRefusedError,
  listParkedRecords,
  operableBridge,
  retryParkedRecords,
  type BridgeOptions,
  type KafkaProducerPort,
} from '../../src/index.js'
import { Order, orderIds } from '../order.js'
import { readTopic } from '../read-topic.js'
import { until } from '../until.js'
import { onlyOrders, uniqueTopic, useBridges } from '../use-bridges.js'

const placed = (note?: string) => ({
  type: 'OrderPlaced' as const,
  data: { total: 1, ...(note === undefined ? {} : { note }) },
})
const large = 'x'.repeat(6000)
const clean = { missing: [], foreign: [], outOfOrder: [], duplicates: 0 }

describe.skipIf(!inject('kafkaBrokers'))('a bridge that cannot publish an event', () => {
  const bridges = useBridges()
  const { brokers, newProducer, startBridge, caughtUp, logOf } = bridges

  const append = (id: string, events: ReturnType<typeof placed>[]) =>
    bridges.store.append(Order, id, events, { expectedVersion: 'any' })
  /** A bridge whose first order goes to another topic. */
  const routed = (name: string, topic: string, other: string): BridgeOptions => ({
    name,
    where: onlyOrders(name),
    topic: ({ aggregateId }) => (aggregateId === `${name}-1` ? other : topic),
  })
  const parkedOf = async (bridge: string) =>
    (await listParkedRecords(bridges.store, { bridge })).map(({ streamId, version, status }) => [
      streamId,
      Number(version),
      status,
    ])

  test('parks its key with later events, lets others go on, and frees the key in order', async () => {
    const topic = uniqueTopic()
    const options: BridgeOptions = { name: 'large', topic, where: onlyOrders('large') }
    const bridge = await startBridge(options, { maxMessageBytes: 5000 })
    await append('large-1', [placed(), placed(large), placed()])
    await append('large-2', [placed(), placed()])
    await caughtUp(bridge)
    await append('large-1', [placed('later')])
    const status = await caughtUp(bridge)
    expect(await parkedOf('large')).toEqual([
      ['order-large-1', 2, 'failed'],
      ['order-large-1', 3, 'blocked'],
      ['order-large-1', 4, 'blocked'],
    ])
    expect(status).toMatchObject({ published: 3, parkedKeys: 1, parkedEvents: 3, error: undefined, lag: 0n })
    const operable = operableBridge(bridges.store, defineBridge(options), {
      producer: newProducer,
      maxMessageBytes: 5000,
    })
    expect(await operable.parked({ limit: 10, after: 0n })).toHaveLength(3)
    expect(await operable.status()).toMatchObject({ name: 'large', parkedEvents: 3 })
    expect([await operable.pause('a test'), (await operable.status()).state, await operable.resume()]).toEqual([
      true,
      'paused',
      true,
    ])
    expect(operableBridge(bridges.store, defineBridge(options))).not.toHaveProperty('retry')
    expect(status.oldestUnsentMs).toBeGreaterThan(0)
    const [first] = await listParkedRecords(bridges.store, { bridge: 'large', key: 'order-large-1' })
    expect(first).toMatchObject({ attempts: 1, error: { code: 'FANOUT_EVENT_NOT_PUBLISHABLE' } })
    expect(first!.error!.message).toMatch(/bytes, at most 5000 are sent/)

    // As long as nothing was mended it stays, and blocks.
    const producer = newProducer()
    const definition = defineBridge(options)
    const [failed] = (await operable.retry?.({})) ?? []
    expect(failed).toMatchObject({ key: 'order-large-1', published: 0, waiting: 3 })
    expect(failed!.error!.message).toContain('at most 5000')
    expect((await listParkedRecords(bridges.store, { bridge: 'large' }))[0]).toMatchObject({ attempts: 2 })

    expect(await retryParkedRecords(bridges.store, definition, { producer })).toEqual([
      { key: 'order-large-1', published: 3, dropped: 0, waiting: 0, error: undefined },
    ])
    await append('large-1', [placed('after')])
    expect(await caughtUp(bridge)).toMatchObject({ parkedKeys: 0, parkedEvents: 0 })
    const events = await logOf('large')
    expect(checkPublished(await readTopic(brokers, topic, { count: events.length }), events)).toEqual(clean)
  })

  test('parks what only the broker finds too large', async () => {
    const topic = uniqueTopic()
    const createTopic = ['--create', '--topic', topic, '--partitions', '1', '--config', 'max.message.bytes=20000']
    await runKafkaTool(brokers, 'org.apache.kafka.tools.TopicCommand', createTopic)
    const fitting = Array.from({ length: 20 }, () => placed('s'.repeat(3000)))
    await append('broker-1', [...fitting, placed('l'.repeat(25_000)), placed('behind')])
    await append('broker-2', fitting)
    const bridge = await startBridge({ name: 'broker', topic, where: onlyOrders('broker') })
    const { published } = await caughtUp(bridge)
    expect(published).toBe(40)
    expect(await parkedOf('broker')).toEqual([
      ['order-broker-1', 21, 'failed'],
      ['order-broker-1', 22, 'blocked'],
    ])
    const events = (await logOf('broker')).filter(({ streamId, version }) => streamId.endsWith('2') || version < 21n)
    expect(checkPublished(await readTopic(brokers, topic, { count: 40 }), events)).toEqual(clean)
  })

  test.each(['where', 'key', 'topic', 'payload', 'headers', 'partitioner'] as const)(
    'parks the key where "%s" fails, and frees it once that was mended',
    async (name) => {
      const topic = uniqueTopic()
      const only = onlyOrders(`fail-${name}`)
      const working: BridgeOptions = { name: `fail-${name}`, topic, where: only, key: ({ streamId }) => streamId }
      const fails = (event: unknown) => {
        // A partitioner sees the key only, so all events of the order fail.
        const at = typeof event === 'string' ? event : only(event as RecordedEvent) && (event as RecordedEvent).streamId
        const { version = 2n } = event as { version?: bigint }
        if (at === `order-fail-${name}-1` && version === 2n) throw new RangeError('not this one')
      }
      const original = {
        where: only,
        key: ({ streamId }: RecordedEvent) => streamId,
        topic: () => topic,
        payload: ({ data }: RecordedEvent) => data,
        headers: () => ({}),
        partitioner: () => 0,
      }
      const broken = (event: RecordedEvent) => {
        fails(event)
        return original[name](event)
      }
      const bridge = await startBridge({ ...working, [name]: broken })
      await append(`fail-${name}-1`, [placed(), placed(), placed()])
      await append(`fail-${name}-2`, [placed(), placed()])
      await caughtUp(bridge)
      const parked = await listParkedRecords(bridges.store, { bridge: working.name })
      expect(parked.at(-1)).toMatchObject({ streamId: `order-fail-${name}-1`, version: 3n })
      expect(parked.every(({ streamId }) => streamId === `order-fail-${name}-1`)).toBe(true)
      expect(parked.find(({ status }) => status === 'failed')?.error?.message).toContain(
        `"${name}" of its bridge failed: not this one`,
      )
      await retryParkedRecords(bridges.store, defineBridge(working), { producer: newProducer() })
      expect(await parkedOf(working.name)).toEqual([])
      const events = await logOf(`fail-${name}`)
      const records = await readTopic(brokers, topic, { count: events.length })
      const report = checkPublished(records, events)
      expect(report).toMatchObject({ missing: [], duplicates: 0 })
      // Under another partitioner a key may be in two partitions, where no order is promised.
      if (name !== 'partitioner') expect(report).toEqual(clean)
    },
  )

  test('waits for a topic that is missing, then parks what goes there; other topics go on', async () => {
    const topic = uniqueTopic()
    const missing = `${topic}-missing`
    const options = routed('missing', topic, missing)
    const producer = newProducer()
    await producer.createTopic(topic, bridges.createTopics)
    const bridge = await startBridge(options, { createTopics: undefined as never, topicPatienceMs: 300, producer })
    await append('missing-1', [placed(), placed()])
    await append('missing-2', [placed()])
    await caughtUp(bridge)
    expect(await parkedOf('missing')).toEqual([
      ['order-missing-1', 1, 'failed'],
      ['order-missing-1', 2, 'blocked'],
    ])
    const [first] = await listParkedRecords(bridges.store, { bridge: 'missing' })
    expect(first!.error!.message).toContain(`topic "${missing}" does not exist`)
    await append('missing-1', [placed()])
    await append('missing-2', [placed()])
    expect((await caughtUp(bridge)).published).toBe(2)
    const [retried] = await retryParkedRecords(bridges.store, defineBridge(options), {
      producer: newProducer(),
      createTopics: bridges.createTopics,
    })
    expect(retried).toMatchObject({ published: 3, waiting: 0 })
    const events = (await logOf('missing')).filter(({ aggregateId }) => aggregateId === 'missing-1')
    expect(checkPublished(await readTopic(brokers, missing, { count: 3 }), events)).toEqual(clean)
  })

  test('parks what goes to a topic that somebody deleted', async () => {
    const topic = uniqueTopic()
    const deleted = `${topic}-deleted`
    const options = routed('deleted', topic, deleted)
    const producer = newProducer()
    for (const each of [topic, deleted]) await producer.createTopic(each, bridges.createTopics)
    const bridge = await startBridge(options, { createTopics: undefined as never, topicPatienceMs: 300, producer })
    await append('deleted-1', [placed()])
    await append('deleted-2', [placed()])
    await caughtUp(bridge)
    await runKafkaTool(brokers, 'org.apache.kafka.tools.TopicCommand', ['--delete', '--topic', deleted])
    await append('deleted-1', [placed()])
    await append('deleted-2', [placed()])
    expect((await caughtUp(bridge)).published).toBe(3)
    expect(await parkedOf('deleted')).toEqual([['order-deleted-1', 2, 'failed']])
  })

  test('parks what goes to a topic that it may not write to, found among others of the same request', async () => {
    const topic = uniqueTopic()
    const denied = `${topic}-denied`
    const inner = newProducer()
    let isDenied = true
    const producer: KafkaProducerPort = {
      connect: () => inner.connect(),
      partitionCount: (each) => inner.partitionCount(each),
      createTopic: (each, settings) => inner.createTopic(each, settings),
      disconnect: () => inner.disconnect(),
      send: async (records, options) => {
        if (isDenied && records.some((record) => record.topic === denied))
          throw new KafkaRefusedError('TOPIC_AUTHORIZATION_FAILED', 'not authorized', { retryable: false })
        await inner.send(records, options)
      },
    }
    const options: BridgeOptions = {
      name: 'denied',
      where: onlyOrders('denied'),
      topic: ({ version }) => (version === 2n ? denied : topic),
    }
    await append('denied-1', [placed(), placed(), placed()])
    await append('denied-2', [placed()])
    const bridge = await startBridge(options, { producer, topicPatienceMs: 200 })
    expect((await caughtUp(bridge)).published).toBe(2)
    expect(await parkedOf('denied')).toEqual([
      ['order-denied-1', 2, 'failed'],
      ['order-denied-1', 3, 'blocked'],
    ])
    isDenied = false
    await retryParkedRecords(bridges.store, defineBridge(options), { producer: inner })
    const records = await readTopic(brokers, topic, { count: 3 })
    const there = (await logOf('denied')).filter(({ version }) => version !== 2n)
    expect(checkPublished(records, there)).toEqual(clean)
    expect(await readTopic(brokers, denied, { count: 1 })).toHaveLength(1)
  })

  test('commits a park before it sends anything, and does not retry what is ahead of the checkpoint', async () => {
    const topic = uniqueTopic()
    const inner = newProducer()
    let isDown = true
    const parkedAtSend: number[] = []
    const producer: KafkaProducerPort = {
      connect: () => inner.connect(),
      partitionCount: (each) => inner.partitionCount(each),
      createTopic: (each, settings) => inner.createTopic(each, settings),
      disconnect: () => inner.disconnect(),
      send: async (records, options) => {
        parkedAtSend.push((await listParkedRecords(bridges.store, { bridge: 'ahead' })).length)
        if (isDown) throw new BrokerUnavailableError(['nowhere:1'], 'away')
        await inner.send(records, options)
      },
    }
    const options: BridgeOptions = { name: 'ahead', topic, where: onlyOrders('ahead') }
    await append('ahead-1', [placed(), placed(large), placed()])
    await append('ahead-2', [placed()])
    const bridge = await startBridge(options, { producer, maxMessageBytes: 5000 })
    await until(
      () => bridge.status(),
      ({ state }) => state === 'retrying',
    )
    expect(new Set(parkedAtSend)).toEqual(new Set([2]))
    // The first event of the order has not been sent: the second one must not be sent now.
    expect(await retryParkedRecords(bridges.store, defineBridge(options), { producer: newProducer() })).toEqual([])
    isDown = false
    await caughtUp(bridge)
    expect(new Set(parkedAtSend)).toEqual(new Set([2]))
    expect((await retryParkedRecords(bridges.store, defineBridge(options), { producer: inner }))[0]).toMatchObject({
      published: 2,
      waiting: 0,
    })
    const events = await logOf('ahead')
    expect(checkPublished(await readTopic(brokers, topic, { count: events.length }), events)).toEqual(clean)
  })

  test('retries while the bridge runs and orders go on, and no key is ever out of order', async () => {
    const topic = uniqueTopic()
    const options: BridgeOptions = { name: 'busy', topic, where: onlyOrders('busy') }
    const bridge = await startBridge(options, { maxMessageBytes: 5000, batchSize: 20, leaseMs: 1000 })
    const ids = orderIds('busy', 8)
    let isAppending = true
    const appending = (async () => {
      for (let round = 0; round < 40; round++) {
        await Promise.all(ids.map((id, index) => append(id, [placed((round + index) % 6 === 0 ? large : undefined)])))
        await sleep(80)
      }
      isAppending = false
    })()
    const producer = newProducer()
    let freed = 0
    while (isAppending) {
      const retried = await retryParkedRecords(bridges.store, defineBridge(options), { producer, batchSize: 7 })
      await sleep(400)
      freed += retried.reduce((sum, { published }) => sum + published, 0)
    }
    await appending
    await caughtUp(bridge)
    await retryParkedRecords(bridges.store, defineBridge(options), { producer })
    expect(freed).toBeGreaterThan(0)
    expect(await parkedOf('busy')).toEqual([])
    const events = await logOf('busy')
    const records = await readTopic(brokers, topic, { idleMs: 5000 })
    expect(checkPublished(records, events)).toMatchObject({ missing: [], foreign: [], outOfOrder: [] })
  })

  test('retries the keys that are named, and drops what the definition does not want any more', async () => {
    const topic = uniqueTopic()
    const options: BridgeOptions = { name: 'named', topic, where: onlyOrders('named') }
    const bridge = await startBridge(options, { maxMessageBytes: 5000 })
    await append('named-1', [placed(large), placed()])
    await append('named-2', [placed(large), placed()])
    await caughtUp(bridge)
    const producer = newProducer()
    const keys = ['order-named-2']
    expect(await retryParkedRecords(bridges.store, defineBridge(options), { producer, keys })).toEqual([
      { key: 'order-named-2', published: 2, dropped: 0, waiting: 0, error: undefined },
    ])
    expect(await parkedOf('named')).toEqual([
      ['order-named-1', 1, 'failed'],
      ['order-named-1', 2, 'blocked'],
    ])
    const narrower = defineBridge({ ...options, where: ({ version }) => version > 1n })
    expect(await retryParkedRecords(bridges.store, narrower, { producer })).toMatchObject([
      { published: 1, dropped: 1 },
    ])
    expect(await parkedOf('named')).toEqual([])
  })

  test('keeps a key of several streams in order while one of them waits', async () => {
    const topic = uniqueTopic()
    const key = () => 'customer-1'
    const options: BridgeOptions = { name: 'customer', topic, where: onlyOrders('customer'), key }
    const bridge = await startBridge(options, { maxMessageBytes: 5000 })
    await append('customer-1', [placed()])
    await append('customer-2', [placed(large)])
    await append('customer-1', [placed()])
    await caughtUp(bridge)
    expect(await parkedOf('customer')).toEqual([
      ['order-customer-2', 1, 'failed'],
      ['order-customer-1', 2, 'blocked'],
    ])
    // Streams wait as well, so that a definition with other keys does not overtake.
    await bridge.stop()
    const other = await startBridge({ ...options, key: ({ streamId }) => streamId }, { maxMessageBytes: 5000 })
    await append('customer-1', [placed()])
    await append('customer-3', [placed()])
    expect(await caughtUp(other)).toMatchObject({ published: 1, parkedEvents: 3 })
  })
})
