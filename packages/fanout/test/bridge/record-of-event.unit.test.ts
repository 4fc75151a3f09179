import type { RecordedEvent } from '@tidemark/eventstore'
import { expect, test } from 'vitest'
import { debeziumOutbox, defineBridge, type BridgeOptions } from '../../src/index.js'
import { recordOfEvent } from '../../src/bridge/record-of-event.js'

const event: RecordedEvent = {
  position: 9007199254740993n,
  id: '0198a000-0000-7000-8000-000000000001',
  streamId: 'order-o-1',
  category: 'order',
  aggregateId: 'o-1',
  version: 3n,
  type: 'OrderPlaced',
  schemaVersion: 2,
  data: { total: 1 },
  metadata: { tracestate: 'a=b', actor: 'somebody' },
  recordedAt: new Date('2026-01-02T03:04:05.678Z'),
}
const context = { schema: 'tidemark', partitionCountOf: () => 3, maxMessageBytes: 10_000 }
const make = (options: Partial<BridgeOptions>, changes: Partial<RecordedEvent> = {}, limits = {}) =>
  recordOfEvent(defineBridge({ name: 'b', ...options }), { ...event, ...changes }, { ...context, ...limits })

test('leaves out what the event does not have, and never rounds a position', () => {
  const { record } = make({ source: 'https://shop.example' })
  expect(record.headers).toEqual({
    'content-type': 'application/json',
    ce_specversion: '1.0',
    ce_id: event.id,
    ce_source: 'https://shop.example',
    ce_type: 'OrderPlaced',
    ce_subject: 'order-o-1',
    ce_time: '2026-01-02T03:04:05.678Z',
    ce_streamversion: '3',
    ce_globalposition: '9007199254740993',
    ce_schemaversion: '2',
    tracestate: 'a=b',
  })
})

test('keeps streams of two tenants apart by the key', () => {
  const { record } = make({}, { tenant: 'acme' })
  expect(record).toMatchObject({ key: 'acme/order-o-1', headers: { ce_tenant: 'acme', ce_subject: 'order-o-1' } })
})

test('measures a record by bytes, not by letters', () => {
  const ascii = make({}, { data: 'x'.repeat(100) }).bytes
  expect(make({}, { data: '🎁'.repeat(50) }).bytes).toBe(ascii + 100)
  expect(make({ headers: () => ({ region: 'eu' }) }, { data: 'x'.repeat(100) }).bytes).toBe(ascii + 18)
  const limits = { maxMessageBytes: ascii }
  expect(make({}, { data: 'x'.repeat(100) }, limits).bytes).toBe(ascii)
  expect(() => make({}, { data: 'x'.repeat(101) }, limits)).toThrow(
    expect.objectContaining({
      code: 'FANOUT_EVENT_NOT_PUBLISHABLE',
      eventId: event.id,
      key: 'order-o-1',
      position: event.position,
      bytes: ascii + 1,
    }),
  )
})

test('names the event when a function of the bridge fails', () => {
  const fail = () => {
    throw new TypeError('no such field')
  }
  for (const [name, options] of Object.entries({ topic: fail, headers: fail, dataSchema: fail })) {
    expect(() => make({ [name]: options })).toThrow(`event OrderPlaced ${event.id} of key "order-o-1"`)
    expect(() => make({ [name]: options })).toThrow(`"${name}" of its bridge failed: no such field`)
  }
})

test('makes a thin notification, or what a function makes', () => {
  const valueOf = (options: Partial<BridgeOptions>, changes = {}) =>
    JSON.parse(make(options, changes).record.value.toString()) as unknown
  const notification = {
    type: 'OrderPlaced',
    id: event.id,
    stream: 'order-o-1',
    version: '3',
    position: '9007199254740993',
  }
  expect(valueOf({ payload: 'notification' })).toEqual(notification)
  expect(valueOf({ payload: 'notification' }, { tenant: 'acme' })).toEqual({ ...notification, tenant: 'acme' })
  expect(valueOf({ payload: ({ data }) => [data] })).toEqual([{ total: 1 }])
  expect(() => make({ payload: () => undefined })).toThrow('a payload of type undefined has no JSON')
  const cyclic: Record<string, unknown> = {}
  cyclic['itself'] = cyclic
  expect(() => make({ payload: () => cyclic })).toThrow('"payload" of its bridge failed')
})

test('makes a CloudEvent in structured mode, of which the headers say the same', () => {
  const { record } = make({ format: 'structured', dataSchema: () => 'https://example.com/s' }, { tenant: 'acme' })
  expect(record.headers).toMatchObject({
    'content-type': 'application/cloudevents+json; charset=UTF-8',
    ce_id: event.id,
    ce_type: 'OrderPlaced',
  })
  expect(JSON.parse(record.value.toString())).toEqual({
    specversion: '1.0',
    id: event.id,
    source: '/tidemark/order',
    type: 'OrderPlaced',
    subject: 'order-o-1',
    time: '2026-01-02T03:04:05.678Z',
    datacontenttype: 'application/json',
    dataschema: 'https://example.com/s',
    streamversion: '3',
    globalposition: '9007199254740993',
    schemaversion: '2',
    tenant: 'acme',
    tracestate: 'a=b',
    data: { total: 1 },
  })
})

test('looks like the outbox of Debezium, where it shall', () => {
  const { record } = make(debeziumOutbox(), { tenant: 'acme' })
  expect(record).toMatchObject({ topic: 'outbox.event.order', key: 'acme/o-1' })
  expect(record.headers).toMatchObject({ id: event.id, aggregateType: 'order', ce_id: event.id })
  expect(make(debeziumOutbox()).record.key).toBe('o-1')
  expect(JSON.parse(record.value.toString())).toEqual({ total: 1 })
})

test('takes the key and the partition from the definition, and refuses what cannot be', () => {
  const partitioner = (key: string, count: number) => key.length % count
  expect(make({ key: ({ type }) => type, partitioner }).record).toMatchObject({ key: 'OrderPlaced', partition: 2 })
  for (const partition of [-1, 3, 0.5, NaN])
    expect(() => make({ partitioner: () => partition })).toThrow('and there are 3 partitions from 0')
  expect(() => make({ key: () => '' })).toThrow('"key" of its bridge failed: it gave ""')
  expect(() => make({ key: () => undefined as never })).toThrow('stream "order-o-1"')
})

test.each(['ce_id', 'CE_extra', 'content-type', 'traceparent'])('does not let %s be replaced', (name) => {
  expect(() => make({ headers: () => ({ [name]: 'mine' }) })).toThrow(`would replace "${name}"`)
})
