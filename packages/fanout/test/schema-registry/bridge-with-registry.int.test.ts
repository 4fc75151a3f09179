import { createEventStore, defineAggregate, event, type EventStore } from '@tidemark/eventstore'
import { createFaultProxy, startSchemaRegistry } from '@tidemark/test-servers'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import {
  createBridge,
  createKafkaProducer,
  createSchemaRegistryClient,
  createSchemaRegistryDeserializer,
  createSchemaRegistrySerializer,
  defineBridge,
  SchemaRegistryUnavailableError,
  type PayloadSerializer,
} from '../../src/index.js'
import { appendOrders, Order, orderIds } from '../order.js'
import { useStoreDatabase } from '../store-database.js'
import { until } from '../until.js'

const Careless = defineAggregate({
  name: 'order',
  initialState: () => ({}),
  events: { OrderPlaced: event(z.object({ total: z.string() })) },
  evolve: { OrderPlaced: (state) => state },
  commands: () => ({}),
})

const brokers = inject('kafkaBrokers')
const server = await startSchemaRegistry()
afterAll(() => (server.kind === 'unavailable' ? undefined : server.close()))

describe.skipIf(!brokers || server.kind === 'unavailable')('a bridge with a schema registry', () => {
  const url = server.kind === 'unavailable' ? 'http://127.0.0.1' : server.url
  const name = `registry-${process.pid}-${Date.now()}`
  const namespace = name.replaceAll('-', '_')
  const database = useStoreDatabase()
  let store: EventStore
  beforeAll(() => {
    store = createEventStore(database.pool, { pollIntervalMs: 50 })
  })
  afterAll(() => store.close())

  function bridgeOf(topic: string, serializer: PayloadSerializer) {
    const producer = createKafkaProducer({ brokers: [brokers!] })
    const definition = defineBridge({ name: topic, from: [Order], topic, onUnpublishable: 'halt' })
    const createTopics = { partitions: 2, replicationFactor: 1 }
    const bridge = createBridge(store, definition, { producer, createTopics, serializer })
    const stop = async () => {
      await bridge.stop()
      await producer.disconnect()
    }
    return { bridge, stop }
  }

  /** The values of a topic as another client reads them, with their headers. */
  async function readValues(topic: string, count: number) {
    const kafka = new Kafka({ brokers: [brokers!], logLevel: logLevel.NOTHING })
    const consumer = kafka.consumer({ groupId: `${topic}-reader` })
    const records: { value: Buffer; headers: Record<string, string> }[] = []
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ message: { value, headers = {} } }) => {
        const texts = Object.entries(headers).map(([header, text]) => [header, String(text)])
        records.push({ value: value!, headers: Object.fromEntries(texts) })
      },
    })
    await until(
      async () => records.length,
      (length) => length >= count,
    )
    await consumer.disconnect()
    return records
  }

  test('publishes what others read by the registry, and goes on while the registry is away', async () => {
    const { hostname, port, pathname } = new URL(url)
    const proxy = await createFaultProxy({ target: { host: hostname, port: Number(port) } })
    const registry = createSchemaRegistryClient({ url: `http://127.0.0.1:${proxy.port}${pathname}`, retries: 0 })
    const options = { registry, aggregates: [Order], format: 'avro', namespace } as const
    const { bridge, stop } = bridgeOf(name, createSchemaRegistrySerializer(options))
    await appendOrders(store, orderIds('avro', 5))
    try {
      await bridge.start()
      await until(
        () => bridge.status(),
        ({ lag, published = 0 }) => lag === 0n && published >= 15,
      )
      await proxy.close()
      await appendOrders(store, orderIds('later', 5))
      await until(
        () => bridge.status(),
        ({ published = 0 }) => published >= 30,
      )
    } finally {
      await stop()
      await proxy.close()
    }
    const deserializer = createSchemaRegistryDeserializer({
      ...{ registry: createSchemaRegistryClient({ url }), namespace, aggregates: [Order] },
    })
    const records = await readValues(name, 30)
    const read = await Promise.all(
      records.map(async ({ value, headers }) => ({ headers, ...(await deserializer.deserialize(value)) })),
    )
    expect(records.every(({ headers }) => headers['content-type'] === 'application/vnd.confluent.avro')).toBe(true)
    expect(read.every(({ headers, recordName }) => recordName === `${namespace}.order.${headers['ce_type']}`)).toBe(
      true,
    )
    const totals = read.filter(({ headers }) => headers['ce_type'] === 'OrderPlaced').map(({ data }) => data)
    expect(totals).toHaveLength(10)
    expect(totals).toEqual(expect.arrayContaining([{ total: 0 }, { total: 4 }]))
  })

  test('does not start while the registry is away, and starts once it is there', async () => {
    const { hostname, port, pathname } = new URL(url)
    const proxy = await createFaultProxy({ target: { host: hostname, port: Number(port) } })
    proxy.refuse()
    const registry = createSchemaRegistryClient({ url: `http://127.0.0.1:${proxy.port}${pathname}`, retries: 0 })
    const options = { registry, aggregates: [Order], format: 'json-schema', namespace: `${namespace}_json` } as const
    const { bridge, stop } = bridgeOf(`${name}-away`, createSchemaRegistrySerializer(options))
    try {
      await expect(bridge.start()).rejects.toThrow(SchemaRegistryUnavailableError)
      proxy.heal()
      await bridge.start()
      await until(
        () => bridge.status(),
        ({ lag, state }) => lag === 0n && state === 'running',
      )
    } finally {
      await stop()
      await proxy.close()
    }
  })

  test('tries again what its serializer could not do yet, and halts at what can never be published', async () => {
    const registry = createSchemaRegistryClient({ url })
    const options = { registry, aggregates: [Order], format: 'avro', namespace: `${namespace}_retry` } as const
    const made = createSchemaRegistrySerializer(options)
    let failures = 2
    const serializer: PayloadSerializer = {
      contentType: made.contentType,
      prepare: (definition) => made.prepare(definition),
      present: (event) => made.present(event),
      serialize: async (event, topic) => {
        if (failures-- > 0) throw new SchemaRegistryUnavailableError(url, 'this test says so')
        return made.serialize(event, topic)
      },
    }
    const { bridge, stop } = bridgeOf(`${name}-retry`, serializer)
    try {
      await bridge.start()
      await until(
        () => bridge.status(),
        ({ lag, state }) => lag === 0n && state === 'running',
      )
      expect(failures).toBeLessThan(0)
      // As by a program whose schema is another one.
      await store.append(Careless, 'odd', [{ type: 'OrderPlaced', data: { total: 'much' } }], { expectedVersion: 0 })
      const status = await until(
        () => bridge.status(),
        ({ state }) => state === 'failed',
      )
      expect(status.error).toContain('it does not fit its schema: $.total is not a number')
    } finally {
      await stop()
    }
  })
})
