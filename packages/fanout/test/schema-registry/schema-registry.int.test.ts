import { defineAggregate, event, type RecordedEvent } from '@tidemark/eventstore'
import { createFaultProxy, startSchemaRegistry } from '@tidemark/test-servers'
import { afterAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  BridgeConfigurationError,
  checkRegistry,
  createSchemaRegistryClient,
  createSchemaRegistryDeserializer,
  createSchemaRegistrySerializer,
  defineBridge,
  EventNotPublishableError,
  eventCodec,
  SchemaNotRegisteredError,
  SchemaRefusedError,
  SchemaRegistryUnavailableError,
  unframePayload,
  type RegistryFormat,
} from '../../src/index.js'

const server = await startSchemaRegistry()
afterAll(() => (server.kind === 'unavailable' ? undefined : server.close()))

let names = 0
/** A registry may be shared, so each test has names of its own. */
const unique = () => `t${process.pid}_${Date.now()}_${++names}`

const v1 = z.object({ total: z.number(), placedAt: z.iso.datetime() })
const wider = z.object({ total: z.number(), placedAt: z.iso.datetime(), note: z.string().optional() })
const broken = z.object({ total: z.string(), placedAt: z.iso.datetime() })

function orderOf(placed: z.ZodType, options: Parameters<typeof event>[1] = {}) {
  return defineAggregate({
    name: 'order',
    initialState: () => ({}),
    events: { OrderPlaced: event(placed, options), OrderNoted: event(z.object({ note: z.string() })) },
    evolve: { OrderPlaced: (state: object) => state, OrderNoted: (state: object) => state },
    commands: () => ({}),
    retired: ['OrderLost'],
  })
}
type Order = ReturnType<typeof orderOf>

const eventOf = (data: unknown, changes: Partial<RecordedEvent> = {}): RecordedEvent => ({
  ...{ position: 1n, id: '0198a000-0000-7000-8000-000000000001', streamId: 'order-o-1', category: 'order' },
  ...{ aggregateId: 'o-1', version: 1n, type: 'OrderPlaced', schemaVersion: 1, metadata: {} },
  ...{ recordedAt: new Date('2026-01-02T03:04:05.678Z'), data, ...changes },
})
const placed = { total: 12.5, placedAt: '2026-03-01T12:00:00.000Z' }

describe.skipIf(server.kind === 'unavailable')('with a registry', () => {
  const url = server.kind === 'unavailable' ? '' : server.url
  const connect = () => createSchemaRegistryClient({ url })
  const bridgeOf = (Order: Order, topic = 'shop.orders') => defineBridge({ name: 'orders', from: [Order], topic })

  async function serializerOf(Order: Order, format: RegistryFormat & { register?: boolean }, topic?: string) {
    const serializer = createSchemaRegistrySerializer({ registry: connect(), aggregates: [Order], ...format })
    await serializer.prepare(bridgeOf(Order, topic))
    return serializer
  }

  test.each(['avro', 'json-schema'] as const)('an event in %s travels by the id of its schema', async (format) => {
    const [namespace, Order, registry] = [unique(), orderOf(v1), connect()]
    const serializer = await serializerOf(Order, { format, namespace })
    const bytes = await serializer.serialize(eventOf(placed), 'shop.orders')
    const { schemaId, payload } = unframePayload(bytes)
    const codec = eventCodec(Order, 'OrderPlaced', { format, namespace })
    expect(payload).toEqual(codec.encode(placed))
    expect(await registry.idOf(`${namespace}.order.OrderPlaced`, codec.schema)).toBe(schemaId)
    expect(await registry.schemaOf(schemaId)).toEqual(codec.schema)
    const deserializer = createSchemaRegistryDeserializer({ registry, namespace, aggregates: [Order] })
    const recordName = `${namespace}.order.OrderPlaced`
    expect(await deserializer.deserialize(bytes)).toEqual({ schemaId, recordName, data: placed })
  })

  test('older code reads what newer code wrote, and newer code what older code wrote', async () => {
    const namespace = unique()
    const [older, newer] = [orderOf(v1), orderOf(wider)]
    const before = await serializerOf(older, { format: 'avro', namespace })
    const after = await serializerOf(newer, { format: 'avro', namespace })
    const old = await before.serialize(eventOf(placed), 't')
    const recent = await after.serialize(eventOf({ ...placed, note: 'gift' }), 't')
    expect(unframePayload(old).schemaId).not.toBe(unframePayload(recent).schemaId)
    const read = async (Order: Order, bytes: Buffer) => {
      const reader = createSchemaRegistryDeserializer({ registry: connect(), namespace, aggregates: [Order] })
      return (await reader.deserialize(bytes)).data
    }
    expect(await read(older, recent)).toEqual(placed)
    expect(await read(newer, old)).toEqual(placed)
    expect(await read(newer, recent)).toEqual({ ...placed, note: 'gift' })
    // Who does not know the event reads it as its schema says.
    const stranger = createSchemaRegistryDeserializer({ registry: connect() })
    expect((await stranger.deserialize(old)).data).toEqual({ total: 12.5, placedAt: Date.parse(placed.placedAt) })
    // A release that is rolled back finds its schema again.
    expect(await (await serializerOf(older, { format: 'avro', namespace })).serialize(eventOf(placed), 't')).toEqual(
      old,
    )
    const incompatible = read(orderOf(broken), old)
    await expect(incompatible).rejects.toMatchObject({ code: 'FANOUT_PAYLOAD_UNREADABLE', retryable: false })
  })

  test.each(['avro', 'json-schema'] as const)(
    'an incompatible %s schema is refused before any event',
    async (format) => {
      const namespace = unique()
      await serializerOf(orderOf(v1), { format, namespace })
      const refused = await serializerOf(orderOf(broken), { format, namespace }).catch((error: unknown) => error)
      expect(refused).toBeInstanceOf(SchemaRefusedError)
      expect(refused).toMatchObject({ retryable: false, subject: `${namespace}.order.OrderPlaced` })
    },
  )

  test('the compatibility of a subject decides', async () => {
    const [namespace, registry] = [unique(), connect()]
    const subject = `${namespace}.order.OrderPlaced`
    const needed = z.object({ ...v1.shape, note: z.string() })
    await serializerOf(orderOf(v1), { format: 'avro', namespace })
    const serializer = serializerOf(orderOf(needed), { format: 'avro', namespace })
    await expect(serializer).rejects.toThrow(SchemaRefusedError)
    await registry.setCompatibility('FORWARD', subject)
    expect(await registry.compatibility(subject)).toBe('FORWARD')
    expect(await registry.compatibility(unique())).toBe(await registry.compatibility())
    await serializerOf(orderOf(needed), { format: 'avro', namespace })
  })

  test('a check says what would happen, and registers only what fits, and only when told to', async () => {
    const namespace = unique()
    const check = async (placed: z.ZodType, options: { register?: boolean } = {}) => {
      const Order = orderOf(placed)
      const format = { format: 'avro', namespace, ...options } as const
      return checkRegistry([bridgeOf(Order)], { registry: connect(), aggregates: [Order], ...format })
    }
    const statuses = async (...args: Parameters<typeof check>) => (await check(...args)).map(({ status }) => status)
    expect(await statuses(v1)).toEqual(['new', 'new'])
    expect(await statuses(v1, { register: true })).toEqual(['new', 'new'])
    expect(await statuses(v1)).toEqual(['unchanged', 'unchanged'])
    expect(await statuses(wider)).toEqual(['compatible', 'unchanged'])
    const [incompatible] = await check(broken, { register: true })
    expect(incompatible).toMatchObject({
      ...{ bridge: 'orders', event: 'order.OrderPlaced', status: 'incompatible', schemaId: undefined },
      subject: `${namespace}.order.OrderPlaced`,
    })
    expect(incompatible!.reasons.join()).toMatch(/STRING.*DOUBLE|total/)
    expect(await check(z.object({ any: z.any() }))).toMatchObject([
      { event: 'order.OrderPlaced', status: 'not-expressible', reasons: [expect.stringContaining('$.any')] },
    ])
    await expect(serializerOf(orderOf(wider), { format: 'avro', namespace, register: false })).rejects.toThrow(
      SchemaNotRegisteredError,
    )
    await serializerOf(orderOf(v1), { format: 'avro', namespace, register: false })
  })

  test('subjects are named by topic, record, or both', async () => {
    const [namespace, topic, Order] = [unique(), unique(), orderOf(v1)]
    const codec = eventCodec(Order, 'OrderPlaced', { format: 'avro', namespace })
    await serializerOf(Order, { format: 'avro', namespace, subjects: 'topic-record' }, topic)
    await connect().idOf(`${topic}-${namespace}.order.OrderPlaced`, codec.schema)
    // Two types of event would take turns under one subject.
    await expect(serializerOf(Order, { format: 'avro', namespace, subjects: 'topic' }, topic)).rejects.toThrow(
      `would share subject "${topic}-value"`,
    )
    const single = defineBridge({ name: 'b', from: [Order], types: ['OrderPlaced'], topic })
    const options = { registry: connect(), aggregates: [Order], format: 'avro', namespace, subjects: 'topic' } as const
    await createSchemaRegistrySerializer(options).prepare(single)
    await connect().idOf(`${topic}-value`, codec.schema)
    const moving = defineBridge({ name: 'b', from: [Order], types: ['OrderPlaced'], topic: () => topic })
    await expect(createSchemaRegistrySerializer(options).prepare(moving)).rejects.toThrow(BridgeConfigurationError)
    const foreign = createSchemaRegistrySerializer({ ...options, aggregates: [] })
    await expect(foreign.prepare(single)).rejects.toThrow('"order", which is not among the aggregates')
  })

  test('older data is upcast, newer waits, and what has no schema cannot be published', async () => {
    const namespace = unique()
    const Order = orderOf(v1, {
      version: 2,
      upcast: { 1: (old) => ({ ...old, total: old['sum'] }) },
      formerly: ['OrderMade'],
    })
    const serializer = await serializerOf(Order, { format: 'avro', namespace })
    const old = eventOf({ sum: 3, placedAt: placed.placedAt }, { type: 'OrderMade' })
    const present = eventOf({ total: 3, placedAt: placed.placedAt }, { schemaVersion: 2 })
    expect(serializer.present(old)).toMatchObject({ type: 'OrderPlaced', schemaVersion: 2, data: { total: 3 } })
    expect(await serializer.serialize(old, 't')).toEqual(await serializer.serialize(present, 't'))
    const newer = serializer.serialize(eventOf({}, { schemaVersion: 3 }), 't')
    await expect(newer).rejects.toMatchObject({ code: 'EVENTSTORE_UNKNOWN_EVENT' })
    for (const each of [
      eventOf({ total: 'x' }, { schemaVersion: 2 }),
      eventOf({}, { type: 'OrderLost' }),
      eventOf({}, { category: 'payment' }),
    ]) {
      await expect(serializer.serialize(each, 't')).rejects.toThrow(EventNotPublishableError)
    }
  })

  test('that goes away is missed at the start only', async () => {
    const { hostname, port, pathname } = new URL(url)
    const proxy = await createFaultProxy({ target: { host: hostname, port: Number(port) } })
    try {
      const registry = createSchemaRegistryClient({
        ...{ url: `http://127.0.0.1:${proxy.port}${pathname}`, retries: 0, timeoutMs: 60_000 },
      })
      const [namespace, Order] = [unique(), orderOf(v1)]
      const options = { registry, aggregates: [Order], format: 'avro', namespace } as const
      const running = createSchemaRegistrySerializer(options)
      await running.prepare(bridgeOf(Order))
      const before = await running.serialize(eventOf(placed), 't')
      await proxy.close()
      expect(await running.serialize(eventOf(placed), 't')).toEqual(before)
      // The ids are known to the client, so a bridge that takes over in this process starts, too.
      await createSchemaRegistrySerializer(options).prepare(bridgeOf(Order))
      const late = createSchemaRegistrySerializer({ ...options, namespace: unique() })
      const failure = await late.prepare(bridgeOf(Order)).catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(SchemaRegistryUnavailableError)
      expect(failure).toMatchObject({ retryable: true })
    } finally {
      await proxy.close()
    }
  })
})
