import { DatabaseError, defineAggregate, event } from '@tidemark/eventstore'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  ClaimLostError,
  defineBatchConsumer,
  defineConsumer,
  NotRetriableError,
  StreamGapError,
  type ConsumedRecord,
  type ConsumerOptions,
} from '../../src/index.js'
import { judgeRecord } from '../../src/consumer/judge-record.js'
import { kindOfFailure } from '../../src/consumer/kind-of-failure.js'

const Order = defineAggregate({
  name: 'order',
  initialState: () => ({}),
  events: {
    OrderPlaced: event(z.object({ total: z.number(), currency: z.string() }), {
      version: 2,
      upcast: { 1: (v1) => ({ ...v1, currency: 'EUR' }) },
      formerly: ['OrderCreated'],
    }),
    OrderPaid: event(z.object({}), {
      version: 2,
      upcast: {
        1: () => {
          throw new Error('cannot')
        },
      },
    }),
    OrderShipped: event(z.object({})),
  },
  retired: ['OrderTouched'],
  evolve: { OrderPlaced: (state) => state, OrderPaid: (state) => state, OrderShipped: (state) => state },
  commands: () => ({}),
})

const define = (options: Partial<ConsumerOptions> = {}) =>
  defineConsumer({
    ...{ name: 'c', topics: ['orders'] },
    ...options,
    on: [
      Order,
      {
        OrderPlaced: async (_transaction, { data }) => void data.currency.length,
        OrderPaid: () => Promise.resolve(),
      },
    ],
  })

describe('a definition', () => {
  test('has its group by its name, an inbox by id, and five tries in place', () => {
    expect(define()).toMatchObject({
      ...{ group: 'c', from: 'earliest', unknownTypes: 'stop', tombstones: 'ignore', concurrency: 8 },
      inbox: { by: 'id', keepMs: 14 * 86_400_000 },
      retry: { attempts: 5, topicsAfterMs: [] },
      deadLetter: { suffix: '-dlt' },
    })
    expect(define({ retry: { topicsAfterMs: [1000] } }).retry.attempts).toBe(1)
  })

  test.each<[string, Partial<ConsumerOptions>]>([
    ['its name "a b" is not usable', { name: 'a b' }],
    ['its group "" is not usable', { group: '' }],
    ['it has no topic', { topics: [] }],
    ['topic "a/b" is not usable', { topics: ['a/b'] }],
    ['concurrency is a whole number from 1, got 0', { concurrency: 0 }],
    ['retry.attempts is a whole number from 1, got 1.5', { retry: { attempts: 1.5 } }],
    ['a delay twice', { retry: { topicsAfterMs: [5, 5] } }],
    ['deadLetter.suffix', { deadLetter: { suffix: '' } }],
    ['a policy is "dead-letter", but deadLetter is false', { deadLetter: false, tombstones: 'dead-letter' }],
    ['retry topics end in the dead letters', { deadLetter: false, retry: { topicsAfterMs: [5] } }],
    ['later versions overtake a failing one', { inbox: 'version', retry: { topicsAfterMs: [5] } }],
    ['a dead letter that is redriven', { inbox: 'version' }],
    ['inbox.keepMs is a whole number', { inbox: { by: 'id', keepMs: -1 } }],
    ['causes.waitMs is a whole number', { causes: { of: () => undefined, waitMs: 0 } }],
    ['only an inbox by id knows', { inbox: 'none', causes: { of: () => undefined } }],
    [
      'causes.otherwise is "dead-letter"',
      { deadLetter: false, causes: { of: () => undefined, otherwise: 'dead-letter' } },
    ],
  ])('is refused: %s', (reason, options) => {
    expect(() => define(options)).toThrow(reason)
    expect(() => define(options)).toThrow(/^consumer "/)
  })

  test('is refused when events of a batch are to wait for each other', () => {
    const handleBatch = () => Promise.resolve()
    const causes = { of: () => undefined }
    expect(() => defineBatchConsumer({ name: 'c', topics: ['orders'], on: Order, causes, handleBatch })).toThrow(
      'a batch is one transaction',
    )
  })

  test('is refused when it handles what its aggregates do not have', () => {
    const handleBatch = () => Promise.resolve()
    const types = ['OrderLost'] as unknown as ['OrderPaid']
    expect(() => defineBatchConsumer({ name: 'c', topics: ['orders'], on: Order, types, handleBatch })).toThrow(
      'none of its aggregates has an event OrderLost: there is OrderPlaced, OrderPaid, OrderShipped',
    )
  })
})

function record(type: string, headers: Readonly<Record<string, string>> = {}, value: string | null = '{"total":1}') {
  const all = { ce_id: 'e', ce_source: 's', ce_type: type, ce_subject: 'order-1', ce_streamversion: '1', ...headers }
  const consumed: ConsumedRecord = {
    ...{ topic: 'orders', partition: 0, offset: 0n, timestamp: 0, timestampType: 'CreateTime', key: null },
    value: value === null ? null : Buffer.from(value),
    headers: Object.fromEntries(Object.entries(all).map(([name, text]) => [name, Buffer.from(text)])),
  }
  return consumed
}

describe('a record', () => {
  test('is brought to the newest schema and the present name of its event', () => {
    expect(judgeRecord(define(), record('OrderCreated'))).toMatchObject({
      kind: 'handle',
      event: { type: 'OrderPlaced', schemaVersion: 2, version: 1n, data: { total: 1, currency: 'EUR' } },
    })
  })

  test('is passed over when it has no handler, was retired, or is of another aggregate', () => {
    expect(judgeRecord(define(), record('OrderShipped'))).toMatchObject({ kind: 'pass', event: { id: 'e' } })
    expect(judgeRecord(define(), record('OrderTouched'))).toMatchObject({ kind: 'pass' })
    expect(judgeRecord(define(), record('OrderPlaced', { ce_subject: 'cart-1' }))).toEqual({ kind: 'pass' })
  })

  test('of an unknown type or a newer schema goes by the policy, and a newer schema is never passed over', () => {
    const newer = record('OrderPlaced', { ce_schemaversion: '3' })
    expect(judgeRecord(define(), record('OrderLost'))).toMatchObject({
      kind: 'stop',
      error: { code: 'FANOUT_UNKNOWN_EVENT_TYPE' },
    })
    expect(judgeRecord(define({ unknownTypes: 'ignore' }), record('OrderLost'))).toMatchObject({ kind: 'pass' })
    expect(judgeRecord(define({ unknownTypes: 'ignore' }), newer)).toMatchObject({ kind: 'stop' })
    expect(judgeRecord(define({ unknownTypes: 'dead-letter' }), newer)).toMatchObject({ kind: 'dead-letter' })
  })

  test('that is a tombstone goes by the policy', () => {
    expect(judgeRecord(define(), record('OrderPaid', {}, null))).toEqual({ kind: 'pass' })
    expect(judgeRecord(define({ tombstones: 'stop' }), record('OrderPaid', {}, null))).toMatchObject({ kind: 'stop' })
  })

  test('whose upcaster fails is a dead letter', () => {
    expect(judgeRecord(define(), record('OrderPaid'))).toMatchObject({
      kind: 'dead-letter',
      error: { message: expect.stringContaining('upcaster') },
    })
  })

  test('whose data does not fit its schema is a dead letter where that is checked, in the newest schema', () => {
    const wrong = record('OrderPlaced', { ce_schemaversion: '2' }, '{"total":"1","currency":"EUR"}')
    expect(judgeRecord(define(), wrong)).toMatchObject({ kind: 'handle' })
    expect(judgeRecord(define({ checkData: true }), wrong)).toMatchObject({
      kind: 'dead-letter',
      error: { code: 'FANOUT_UNDECODABLE_RECORD', message: expect.stringContaining('at $.total') },
    })
    expect(judgeRecord(define({ checkData: true }), record('OrderCreated'))).toMatchObject({
      kind: 'handle',
      event: { data: { total: 1, currency: 'EUR' } },
    })
    // Ciphertext is no name.
    const Person = defineAggregate({
      name: 'order',
      initialState: () => ({}),
      events: {
        OrderPlaced: event(z.object({ name: z.string().max(3) }), {
          personal: { subject: () => 'somebody', fields: { name: '' } },
        }),
      },
      evolve: { OrderPlaced: (state) => state },
      commands: () => ({}),
    })
    const person = defineConsumer({
      ...{ name: 'c', topics: ['orders'], checkData: true },
      on: [Person, { OrderPlaced: () => Promise.resolve() }],
    })
    expect(judgeRecord(person, record('OrderPlaced', {}, '{"name":{"~":"k"}}'))).toMatchObject({ kind: 'handle' })
  })

  test('from a producer that is no store is known by its type', () => {
    const { headers, ...rest } = record('OrderPlaced', { ce_subject: 'o-1', ce_schemaversion: '2' })
    const { ce_streamversion: _version, ...foreign } = headers
    expect(judgeRecord(define(), { ...rest, headers: foreign })).toMatchObject({
      kind: 'handle',
      event: { version: undefined },
    })
  })
})

test.each([
  ['failing', new Error('any')],
  ['failing', Object.assign(new Error('unique'), { code: '23505' })],
  ['failing', new DatabaseError('other', '23514', 'check', {})],
  ['final', new NotRetriableError('no')],
  ['halt', new StreamGapError('order-1', 1n, 3n)],
  ['trouble', new ClaimLostError('c')],
  ['trouble', new DatabaseError('connection', undefined, 'lost', {})],
  ['trouble', Object.assign(new Error('deadlock'), { code: '40P01' })],
  ['trouble', Object.assign(new Error('down'), { code: 'ECONNREFUSED' })],
  ['trouble', Object.assign(new Error('pipe'), { code: 'EPIPE' })],
  ['trouble', new Error('Connection terminated unexpectedly')],
] as const)('a failure is %s: %s', (kind, error) => expect(kindOfFailure(error)).toBe(kind))
