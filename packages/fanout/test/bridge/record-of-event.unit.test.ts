import type { RecordedEvent } from '@tidemark/eventstore'
import { expect, test } from 'vitest'
import { defineBridge, type BridgeOptions } from '../../src/index.js'
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

test.each(['ce_id', 'CE_extra', 'content-type', 'traceparent'])('does not let %s be replaced', (name) => {
  expect(() => make({ headers: () => ({ [name]: 'mine' }) })).toThrow(`would replace "${name}"`)
})
