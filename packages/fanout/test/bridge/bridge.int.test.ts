import { createEventStore, UnknownEventError, type EventStore } from '@tidemark/eventstore'
import { runKafkaTool } from '@tidemark/test-servers'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import {
  checkPublished,
  createBridge,
  createKafkaProducer,
  defineBridge,
  listBridges,
  partitionFor,
  type Bridge,
  SchemaRegistryUnavailableError,
  type BridgeOptions,
  type KafkaProducerPort,
  type PayloadSerializer,
  type RunBridgeOptions,
} from '../../src/index.js'
import { appendOrders, Order, orderIds } from '../order.js'
import { readLog, readTopic } from '../read-topic.js'
import { useStoreDatabase } from '../store-database.js'
import { until } from '../until.js'

const brokers = inject('kafkaBrokers')
const createTopics = { partitions: 4, replicationFactor: 1 }
let topics = 0
const uniqueTopic = () => `bridge-${process.pid}-${Date.now()}-${++topics}`

describe.skipIf(!brokers)('a bridge', () => {
  const database = useStoreDatabase()
  let store: EventStore
  const started: { bridge: Bridge; producer: KafkaProducerPort }[] = []

  beforeAll(() => {
    store = createEventStore(database.pool, { pollIntervalMs: 50 })
  })
  afterEach(async () => {
    await Promise.all(
      started.splice(0).map(async ({ bridge, producer }) => {
        await bridge.stop()
        await producer.disconnect()
      }),
    )
  })
  afterAll(() => store.close())

  async function startBridge(definition: BridgeOptions, options: Partial<RunBridgeOptions> = {}): Promise<Bridge> {
    const producer = createKafkaProducer({ brokers: [brokers!] })
    const bridge = createBridge(store, defineBridge(definition), { producer, createTopics, ...options })
    started.push({ bridge, producer })
    await bridge.start()
    return bridge
  }

  const caughtUp = (bridge: Bridge) =>
    until(
      () => bridge.status(),
      ({ lag, state }) => lag === 0n && state === 'running',
    )

  test('publishes the events of 1,000 orders, in order per order, for a consumer that is not ours', async () => {
    const topic = uniqueTopic()
    await appendOrders(store, orderIds('many', 1000))
    const bridge = await startBridge({ name: 'many', from: [Order], topic })
    await caughtUp(bridge)
    const events = await readLog(store)
    const records = await readTopic(brokers!, topic, { count: 3000 })
    expect(checkPublished(records, events)).toEqual({ missing: [], foreign: [], outOfOrder: [], duplicates: 0 })
    expect(records.every(({ key, partition }) => partition === partitionFor(key, 4))).toBe(true)
    expect(new Set(records.map(({ partition }) => partition)).size).toBe(4)
    expect(await bridge.status()).toMatchObject({ kind: 'bridge', state: 'running', published: 3000, error: undefined })
  })

  test('sends the data as stored, with the headers of CloudEvents', async () => {
    const topic = uniqueTopic()
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const metadata = { correlationId: 'c-1', causationId: 'k-1', traceparent }
    const data = { total: 12.5, note: 'ünïcode 🎁' }
    const { events } = await store.append(Order, 'head-1', [{ type: 'OrderPlaced', data, metadata }], {
      expectedVersion: 'no-stream',
    })
    const [event] = await store.readStream('order-head-1')
    const bridge = await startBridge({
      name: 'headers',
      topic: ({ aggregateId }) => (aggregateId === 'head-1' ? topic : `${topic}-others`),
      dataSchema: ({ type, schemaVersion }) => `https://example.com/${type}/${schemaVersion}`,
      headers: () => ({ region: 'eu' }),
    })
    await caughtUp(bridge)
    const [record] = await readTopic(brokers!, topic, { count: 1 })
    expect(JSON.parse(record!.value)).toEqual(data)
    expect(record!.key).toBe('order-head-1')
    expect(record!.headers.split(',').sort()).toEqual(
      [
        'content-type:application/json',
        'ce_specversion:1.0',
        `ce_id:${events[0]!.id}`,
        'ce_source:/tidemark/order',
        'ce_type:OrderPlaced',
        'ce_subject:order-head-1',
        `ce_time:${event!.recordedAt.toISOString()}`,
        'ce_dataschema:https://example.com/OrderPlaced/1',
        'ce_schemaversion:1',
        'ce_streamversion:1',
        `ce_globalposition:${event!.position}`,
        'ce_correlationid:c-1',
        'ce_causationid:k-1',
        `traceparent:${traceparent}`,
        'region:eu',
      ].sort(),
    )
  })

  test('publishes only the types it is for, and moves past the others', async () => {
    const topic = uniqueTopic()
    await appendOrders(store, orderIds('typed', 5))
    const bridge = await startBridge({ name: 'typed', from: [Order], types: ['OrderShipped'], topic })
    await caughtUp(bridge)
    const shipped = (await readLog(store)).filter(({ type }) => type === 'OrderShipped')
    const records = await readTopic(brokers!, topic, { count: shipped.length })
    expect(checkPublished(records, shipped)).toEqual({ missing: [], foreign: [], outOfOrder: [], duplicates: 0 })
    // Foreign events move the checkpoint, too.
    await store.append(Order, 'typed-more', [{ type: 'OrderPlaced', data: { total: 1 } }], { expectedVersion: 0 })
    await caughtUp(bridge)
    expect((await bridge.status()).published).toBe(shipped.length)
  })

  test('goes on after a restart where it had stopped', async () => {
    const topic = uniqueTopic()
    const first = await startBridge({ name: 'again', topic })
    await caughtUp(first)
    const { published } = await first.status()
    await first.stop()
    expect((await first.status()).state).toBe('stopped')
    await appendOrders(store, orderIds('again', 3))
    const second = await startBridge({ name: 'again', topic })
    await caughtUp(second)
    expect((await second.status()).published).toBe(9)
    const events = await readLog(store)
    expect(published! + 9).toBe(events.length)
    const records = await readTopic(brokers!, topic, { count: events.length })
    expect(checkPublished(records, events)).toMatchObject({ missing: [], outOfOrder: [], duplicates: 0 })
  })

  test('has one owner; another waits and takes over when the first one stops', async () => {
    const definition = { name: 'shared', topic: uniqueTopic() }
    const first = await startBridge(definition, { leaseMs: 1000, owner: 'first' })
    await caughtUp(first)
    const second = await startBridge(definition, { leaseMs: 1000, owner: 'second' })
    await appendOrders(store, orderIds('shared', 10))
    await caughtUp(first)
    expect(await second.status()).toMatchObject({ state: 'waiting-for-lease', published: 0, owner: 'first' })
    await first.stop()
    expect(
      await until(
        () => second.status(),
        ({ owner }) => owner === 'second',
      ),
    ).toMatchObject({ error: undefined })
    await appendOrders(store, orderIds('taken-over', 10))
    await caughtUp(second)
    expect((await second.status()).published).toBe(30)
  })

  test('halts before an event that is too large, after what came before it, and sends nothing later', async () => {
    const topic = uniqueTopic()
    const bridge = await startBridge(
      { name: 'large', from: [Order], topic, onUnpublishable: 'halt' },
      { maxMessageBytes: 5000 },
    )
    await caughtUp(bridge)
    const before = (await bridge.status()).published!
    const placed = (note?: string) => [
      { type: 'OrderPlaced' as const, data: { total: 1, ...(note === undefined ? {} : { note }) } },
    ]
    const { events } = await store.append(Order, 'large', [...placed(), ...placed('x'.repeat(5000)), ...placed()], {
      expectedVersion: 'no-stream',
    })
    const status = await until(
      () => bridge.status(),
      ({ state }) => state === 'failed',
    )
    expect(status.published).toBe(before + 1)
    expect(status.position).toBe(events[0]!.position)
    expect(status.error).toMatch(new RegExp(`event OrderPlaced ${events[1]!.id} of key "order-large" .* bytes`))
    const listed = await until(
      () => listBridges(store, [defineBridge({ name: 'large' })]),
      ([one]) => one!.owner === undefined,
    )
    expect(listed).toMatchObject([{ name: 'large', state: 'failed', error: status.error, position: status.position }])
    // A larger limit is all it takes to go on, from the event itself.
    const raised = await startBridge({ name: 'large', from: [Order], topic })
    await caughtUp(raised)
    const orders = await readLog(store)
    const records = await readTopic(brokers!, topic, { count: orders.length })
    expect(checkPublished(records, orders)).toMatchObject({ missing: [], outOfOrder: [], duplicates: 0 })
  })

  test('sends more than Kafka takes at once in several requests', async () => {
    const topic = uniqueTopic()
    const note = 'n'.repeat(30_000)
    for (let index = 0; index < 4; index++) {
      const events = Array.from({ length: 25 }, (_, total) => ({ type: 'OrderPlaced' as const, data: { total, note } }))
      await store.append(Order, `bulky-${index}`, events, { expectedVersion: 'no-stream' })
    }
    // One partition: 3 MB in one record batch would be refused by the broker.
    const partitions = { createTopics: { partitions: 1, replicationFactor: 1 } }
    const bridge = await startBridge({ name: 'bulky', from: [Order], topic }, partitions)
    await caughtUp(bridge)
    const events = await readLog(store)
    const records = await readTopic(brokers!, topic, { count: events.length })
    expect(checkPublished(records, events)).toEqual({ missing: [], foreign: [], outOfOrder: [], duplicates: 0 })
  })

  test('sends less at a time where the topic takes less, and names the event that it never takes', async () => {
    const topic = uniqueTopic()
    await runKafkaTool(brokers!, 'org.apache.kafka.tools.TopicCommand', [
      ...['--create', '--topic', topic, '--partitions', '1', '--config', 'max.message.bytes=20000'],
    ])
    const placed = (note: string) => ({ type: 'OrderPlaced' as const, data: { total: 1, note } })
    const fitting = Array.from({ length: 20 }, () => placed('s'.repeat(3000)))
    const appended = await store.append(Order, 'small', [...fitting, placed('l'.repeat(25_000)), placed('after')], {
      expectedVersion: 'no-stream',
    })
    const bridge = await startBridge({
      name: 'small',
      onUnpublishable: 'halt',
      topic: ({ aggregateId }) => (aggregateId === 'small' ? topic : `${topic}-others`),
    })
    const { error } = await until(
      () => bridge.status(),
      ({ state }) => state === 'failed',
    )
    expect(error).toContain(`event OrderPlaced ${appended.events[20]!.id} of key "order-small"`)
    expect(error).toContain(`topic "${topic}" refuses its record`)
    const records = await readTopic(brokers!, topic, { idleMs: 5000 })
    const events = (await store.readStream('order-small')).slice(0, 20)
    expect(checkPublished(records, events)).toMatchObject({ missing: [], foreign: [], outOfOrder: [] })
  })

  test('does not start without its topic, and says what to do', async () => {
    const topic = uniqueTopic()
    const producer = createKafkaProducer({ brokers: [brokers!] })
    const bridge = createBridge(store, defineBridge({ name: 'missing', topic }), { producer })
    await expect(bridge.start()).rejects.toMatchObject({ code: 'FANOUT_TOPIC_MISSING', topic })
    expect(await bridge.status()).toMatchObject({ state: 'stopped', published: 0 })
    await producer.disconnect()
  })

  test('halts when its topic gets more partitions', async () => {
    const topic = uniqueTopic()
    const bridge = await startBridge({ name: 'counted', topic }, { partitionCheckIntervalMs: 0 })
    await caughtUp(bridge)
    await runKafkaTool(brokers!, 'org.apache.kafka.tools.TopicCommand', [
      ...['--alter', '--topic', topic, '--partitions', '6'],
    ])
    const { position } = await bridge.status()
    await appendOrders(store, ['counted'])
    const status = await until(
      () => bridge.status(),
      ({ state }) => state === 'failed',
    )
    expect(status.error).toContain('had 4 partitions when the bridge started and has 6 now')
    expect(status.position).toBe(position)
  })

  test('publishes what comes before an event that this code does not know, and stops there', async () => {
    const topic = uniqueTopic()
    await appendOrders(store, ['unknown-1'])
    const serializer: PayloadSerializer = {
      contentType: 'application/json',
      prepare: () => Promise.resolve(),
      present: (event) => event,
      serialize: (event) => {
        if (event.type === 'OrderShipped')
          throw new UnknownEventError(event.streamId, event.type, 2, 'it is newer than this code')
        return Promise.resolve(Buffer.from('{}'))
      },
    }
    const where = ({ aggregateId }: { readonly aggregateId: string }) => aggregateId === 'unknown-1'
    const bridge = await startBridge({ name: 'unknown', topic, where }, { serializer })
    const status = await until(
      () => bridge.status(),
      ({ state }) => state === 'failed',
    )
    expect(status).toMatchObject({ published: 2 })
    expect(await readTopic(brokers!, topic, { count: 2 })).toHaveLength(2)
  })

  test('does not blame the brokers for a schema registry that is away', async () => {
    await appendOrders(store, ['registry-1'])
    const serializer: PayloadSerializer = {
      contentType: 'application/json',
      prepare: () => Promise.resolve(),
      present: (event) => event,
      serialize: () => Promise.reject(new SchemaRegistryUnavailableError('http://127.0.0.1:1', 'refused')),
    }
    const bridge = await startBridge({ name: 'registry-away', topic: uniqueTopic() }, { serializer })
    const status = await until(
      () => bridge.status(),
      ({ state, stall }) => state === 'retrying' && stall !== undefined,
    )
    expect(status.stall).toMatchObject({ reason: 'poison', error: expect.stringContaining('the schema registry') })
  })
})
