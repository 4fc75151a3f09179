import { createEventStore, type EventStore } from '@tidemark/eventstore'
import { startLocalKafka, type KafkaServer } from '@tidemark/test-servers'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import {
  checkPublished,
  createBridge,
  createKafkaProducer,
  defineBridge,
  listBridges,
  type Bridge,
  type KafkaProducerPort,
} from '../../src/index.js'
import { startBridgeProcess } from '../bridge-process.js'
import { appendOrders, orderIds } from '../order.js'
import { readLog, readTopic } from '../read-topic.js'
import { useStoreDatabase } from '../store-database.js'
import { until } from '../until.js'

const brokers = inject('kafkaBrokers')
const createTopics = { partitions: 4, replicationFactor: 1 }
const batchSize = 50

describe.skipIf(!brokers)('a bridge whose process is killed', () => {
  const database = useStoreDatabase()
  let store: EventStore
  let child: ChildProcess | undefined
  beforeAll(async () => {
    store = createEventStore(database.pool, { pollIntervalMs: 50 })
    await appendOrders(store, orderIds('killed', 100))
  })
  afterEach(() => void child?.kill('SIGKILL'))
  afterAll(() => store.close())

  const placeOf = (topic: string, name: string, readBack?: number) => ({
    ...{ databaseUrl: database.url, brokers: brokers!, topic, name },
    ...(readBack !== undefined && { options: { readBack } }),
  })

  async function killedAt(name: string, topic: string, failpoints: string, readBack?: number): Promise<void> {
    child = startBridgeProcess({ ...placeOf(topic, name, readBack), failpoints })
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
    expect(signal).toBe('SIGKILL')
  }

  async function finish(name: string, topic: string, readBack?: number): Promise<void> {
    child = startBridgeProcess(placeOf(topic, name, readBack))
    await until(
      () => listBridges(store, [defineBridge({ name })]),
      ([status]) => status!.lag === 0n,
    )
  }

  test.each([
    ['publishes nothing twice', undefined, 0],
    ['repeats that batch and no more where it does not read back', 0, 2 * batchSize],
  ])('after Kafka has acknowledged a batch and before the checkpoint moves %s', async (_what, readBack, duplicates) => {
    const topic = `killed-after-${process.pid}-${Date.now()}`
    const name = `killed-after-${readBack}`
    await killedAt(name, topic, 'bridge.after-send=kill@1', readBack)
    await killedAt(name, topic, 'bridge.after-send=kill@3', readBack)
    await finish(name, topic, readBack)
    const events = await readLog(store)
    const records = await readTopic(brokers!, topic, { idleMs: 5000 })
    expect(checkPublished(records, events)).toEqual({ missing: [], foreign: [], outOfOrder: [], duplicates })
  })

  test('before it sends a batch repeats nothing and leaves nothing out', async () => {
    const topic = `killed-before-${process.pid}-${Date.now()}`
    await killedAt('killed-before', topic, 'bridge.before-send=kill@3')
    await finish('killed-before', topic)
    const events = await readLog(store)
    const records = await readTopic(brokers!, topic, { count: events.length })
    expect(checkPublished(records, events)).toEqual({ missing: [], foreign: [], outOfOrder: [], duplicates: 0 })
  })
})

describe.skipIf(!brokers)('a bridge with lanes that two processes share', () => {
  const database = useStoreDatabase()
  const leaseMs = 2000
  let store: EventStore
  const children: ChildProcess[] = []
  beforeAll(() => {
    store = createEventStore(database.pool, { pollIntervalMs: 50 })
  })
  afterEach(() => children.splice(0).forEach((child) => child.kill('SIGKILL')))
  afterAll(() => store.close())

  test('is taken over within the lease and a second when one is killed, and shared again when it comes back', async () => {
    const name = 'shared-by-processes'
    const topic = `${name}-${process.pid}-${Date.now()}`
    const start = (owner: string): ChildProcess => {
      const options = { owner, leaseMs, readBack: 0 }
      const place = { databaseUrl: database.url, brokers: brokers!, topic, name }
      const child = startBridgeProcess({ ...place, definition: { lanes: 4 }, options })
      children.push(child)
      return child
    }
    const statusOf = async () => (await listBridges(store, [defineBridge({ name })]))[0]!
    const halves = async () =>
      until(
        statusOf,
        ({ lanes }) => ['one', 'two'].every((each) => lanes.filter(({ owner }) => owner === each).length === 2),
        60_000,
      )
    let isAppending = true
    const appending = (async () => {
      for (let round = 0; isAppending; round++) {
        await appendOrders(store, orderIds(`round-${round}`, 10))
        await sleep(50)
      }
    })()
    start('one')
    const two = start('two')
    let kills = 0
    for (let victim = two; kills < 2; victim = start('two')) {
      await halves()
      victim.kill('SIGKILL')
      const killedAt = performance.now()
      kills++
      await until(statusOf, ({ lanes }) => lanes.every(({ owner }) => owner === 'one'))
      expect(performance.now() - killedAt).toBeLessThan(leaseMs + 1000)
    }
    await halves()
    isAppending = false
    await appending
    await until(statusOf, ({ lag }) => lag === 0n, 60_000)
    const events = await readLog(store)
    const records = await readTopic(brokers!, topic, { idleMs: 5000 })
    const report = checkPublished(records, events)
    expect(report).toMatchObject({ missing: [], foreign: [], outOfOrder: [] })
    // Two lanes had a batch in flight at each kill.
    expect(report.duplicates).toBeLessThanOrEqual(kills * 2 * batchSize)
  }, 180_000)
})

describe.skipIf(!brokers)('a bridge whose broker is killed', () => {
  const database = useStoreDatabase()
  let store: EventStore
  let kafka: KafkaServer
  let producer: KafkaProducerPort
  let bridge: Bridge
  beforeAll(async () => {
    kafka = await startLocalKafka()
    store = createEventStore(database.pool, { pollIntervalMs: 50 })
    producer = createKafkaProducer({ brokers: [kafka.bootstrapServers] })
    bridge = createBridge(store, defineBridge({ name: 'cut-off', topic: 'orders' }), {
      producer,
      createTopics,
      batchSize,
      leaseMs: 2000,
    })
    await bridge.start()
  })
  afterAll(async () => {
    await bridge.stop()
    await producer.disconnect()
    await store.close()
    await kafka.close()
  })

  test('says that it retries, lets appends go on, and publishes everything once the broker is back', async () => {
    const [broker] = kafka.brokers
    const appending = appendOrders(store, orderIds('cut', 300))
    await until(
      () => bridge.status(),
      ({ published }) => published! > 0,
    )
    await broker!.kill('SIGKILL')
    await appending
    await appendOrders(store, orderIds('meanwhile', 50))
    const cut = await until(
      () => bridge.status(),
      ({ state }) => state === 'retrying',
    )
    expect(cut.error).toContain(`Kafka at ${kafka.bootstrapServers} does not answer`)
    // Longer than the lease: it is renewed while the bridge waits for the broker.
    expect(cut.owner).toBeDefined()
    await broker!.start()
    await until(
      () => bridge.status(),
      ({ lag, state }) => lag === 0n && state === 'running',
      60_000,
    )
    const events = await readLog(store)
    const records = await readTopic(kafka.directBootstrapServers, 'orders', { idleMs: 5000 })
    const report = checkPublished(records, events)
    expect(report).toMatchObject({ missing: [], foreign: [], outOfOrder: [] })
    expect(report.duplicates).toBeLessThanOrEqual(batchSize)
    expect(await bridge.status()).toMatchObject({ state: 'running', error: undefined })
  }, 150_000)

  test('gives a send up that its caller no longer waits for, and stops in time', async () => {
    const [broker] = kafka.brokers
    await broker!.kill('SIGSTOP')
    await appendOrders(store, orderIds('frozen', 5))
    const before = performance.now()
    await new Promise((resolve) => setTimeout(resolve, 500))
    await bridge.stop({ timeoutMs: 500 })
    expect(performance.now() - before).toBeLessThan(5000)
    expect(await bridge.status()).toMatchObject({ state: 'stopped' })
    await broker!.kill('SIGCONT')
  })
})

test('a broker that does not answer is one clear error', async () => {
  const producer = createKafkaProducer({ brokers: ['127.0.0.1:1'] })
  await expect(producer.connect()).rejects.toMatchObject({
    code: 'FANOUT_BROKER_UNAVAILABLE',
    retryable: true,
    message: expect.stringMatching(/^Kafka at 127\.0\.0\.1:1 does not answer: .*ECONNREFUSED.*Check the address/),
  })
  await producer.disconnect()
  await expect(producer.connect()).rejects.toMatchObject({ code: 'FANOUT_PRODUCER_CLOSED' })
})
