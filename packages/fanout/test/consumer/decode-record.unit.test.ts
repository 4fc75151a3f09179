import { describe, expect, test } from 'vitest'
import { decodeRecord, UndecodableRecordError, type ConsumedRecord } from '../../src/index.js'
import {
  deadLetterHeaders,
  dueAtOf,
  originalPlaceOf,
  ownHeaders,
  retryTopicHeaders,
} from '../../src/consumer/dead-letter-headers.js'

function record(
  headers: Readonly<Record<string, string | Buffer>>,
  value: string | null = '{"total":1}',
  key: string | null = 'order-o-1',
): ConsumedRecord {
  return {
    ...{
      topic: 'orders',
      partition: 5,
      offset: 2n ** 40n,
      timestamp: 1_700_000_000_123,
      timestampType: 'LogAppendTime',
    },
    key: key === null ? null : Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
    headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)])),
  }
}

const attributes = {
  id: 'e-1',
  source: '/tidemark/order',
  type: 'OrderPlaced',
  subject: 'order-o-1-x',
  time: '2026-01-02T03:04:05.678Z',
  streamversion: '9007199254740993',
  globalposition: '42',
  schemaversion: '3',
  correlationid: 'c',
  causationid: 'k',
}
const binary = Object.fromEntries(Object.entries(attributes).map(([name, text]) => [`ce_${name}`, text]))
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const decoded = {
  ...{ id: 'e-1', source: '/tidemark/order', type: 'OrderPlaced', data: { total: 1 }, schemaVersion: 3 },
  ...{ streamId: 'order-o-1-x', category: 'order', aggregateId: 'o-1-x', version: 9007199254740993n, position: 42n },
  tenant: undefined,
  metadata: { correlationId: 'c', causationId: 'k', traceparent },
  recordedAt: new Date('2026-01-02T03:04:05.678Z'),
}

describe('a record is decoded', () => {
  test('from a CloudEvent in binary mode', () => {
    expect(decodeRecord(record({ ...binary, 'content-type': 'application/json', traceparent }))).toEqual(decoded)
    expect(
      decodeRecord(record({ ...binary, 'content-type': 'application/vnd.a+json; charset=utf-8', traceparent })),
    ).toEqual(decoded)
  })

  test('from a CloudEvent in structured mode, with numbers as extensions', () => {
    const envelope = { specversion: '1.0', ...attributes, schemaversion: 3, traceparent, data: { total: 1 } }
    const headers = { 'content-type': 'application/cloudevents+json; charset=utf-8' }
    expect(decodeRecord(record(headers, JSON.stringify(envelope)))).toEqual(decoded)
  })

  test('from what the outbox router of Debezium writes', () => {
    expect(
      decodeRecord(record({ id: 'e-2', aggregateType: 'order', eventType: 'OrderPaid' }, '{"a":1}', 'o-7')),
    ).toEqual({
      ...{ id: 'e-2', source: '/debezium/order', type: 'OrderPaid', data: { a: 1 }, schemaVersion: 1 },
      ...{ streamId: 'order-o-7', category: 'order', aggregateId: 'o-7', version: undefined, position: undefined },
      ...{ tenant: undefined, metadata: {}, recordedAt: new Date(1_700_000_000_123) },
    })
  })

  test('as an outbox event with the headers of CloudEvents beside it by these', () => {
    expect(decodeRecord(record({ ...binary, traceparent, id: 'other', aggregateType: 'other' }))).toEqual(decoded)
  })

  test.each([
    ['neither', record({})],
    ['has no id', record({ 'content-type': 'application/cloudevents+json' }, '{"source":"s","type":"t"}')],
    ['has no type', record({ id: 'e', aggregateType: 'order' })],
    ['has no source', record({ ce_id: 'e', ce_type: 't' })],
    ['not JSON', record(binary, '{')],
    ['no CloudEvent', record({ 'content-type': 'application/cloudevents+json' }, '[]')],
    ['is binary', record({ 'content-type': 'application/cloudevents+json' }, '{"data_base64":""}')],
    ['content type is avro/binary', record({ ...binary, 'content-type': 'avro/binary' })],
    ['streamversion', record({ ...binary, ce_streamversion: '1.5' })],
    ['time', record({ ...binary, ce_time: 'yesterday' })],
  ])('or refused: %s', (reason, bad) => {
    expect(() => decodeRecord(bad)).toThrow(UndecodableRecordError)
    expect(() => decodeRecord(bad)).toThrow(reason)
    expect(() => decodeRecord(bad)).toThrow(`orders/5 at offset ${2n ** 40n}`)
  })
})

/** As Kafka gives headers back. */
const read = (headers: object): ConsumedRecord => record(headers as Record<string, string | Buffer>, '{}')

describe('the headers of a dead letter', () => {
  const failure = new RangeError('nö')

  test('say by the names and bytes of Spring where it was', () => {
    const headers = deadLetterHeaders(record({ ...binary, own: Buffer.from([255]) }), 'group', failure)
    expect(headers).toMatchObject({
      own: Buffer.from([255]),
      ce_id: Buffer.from('e-1'),
      'kafka_dlt-original-topic': 'orders',
      'kafka_dlt-original-partition': Buffer.from([0, 0, 0, 5]),
      'kafka_dlt-original-offset': Buffer.from([0, 0, 1, 0, 0, 0, 0, 0]),
      'kafka_dlt-original-timestamp': Buffer.from('0000018bcfe5687b', 'hex'),
      'kafka_dlt-original-timestamp-type': 'LogAppendTime',
      'kafka_dlt-original-consumer-group': 'group',
      'kafka_dlt-exception-fqcn': 'RangeError',
      'kafka_dlt-exception-message': 'nö',
    })
    expect(headers['kafka_dlt-exception-stacktrace']).toContain('decode-record.unit.test.ts')
  })

  test('keep the first place over retry topics, and are gone after a redrive', () => {
    const first = record(binary)
    const retried = read(retryTopicHeaders(first, 'group', { attempts: 1, dueAt: 1_700_000_000_500 }))
    expect(dueAtOf(retried)).toBe(1_700_000_000_500)
    const moved: ConsumedRecord = { ...retried, topic: 'orders.retry.1s', partition: 5, offset: 3n }
    const letter = read(deadLetterHeaders(moved, 'group', failure))
    expect(originalPlaceOf(letter)).toEqual({ topic: 'orders', partition: 5, offset: 2n ** 40n })
    expect(letter.headers['retry_topic-attempts']).toBeUndefined()
    expect(ownHeaders(letter)).toEqual(first.headers)
  })
})
