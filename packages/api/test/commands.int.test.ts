import { createEventStore, type EventStore } from '@tidemark/eventstore'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createServer, decodeToken } from '../src/index.js'
import { Order, orderOf } from './order.js'
import { useStoreDatabase } from './store-database.js'

describe('commands', () => {
  const database = useStoreDatabase()
  let store: EventStore
  let app: FastifyInstance
  beforeAll(() => {
    store = createEventStore(database.pool)
    app = createServer({ store, aggregates: [Order], projections: [], allowedOrigins: ['https://shop.example'] })
  })
  afterAll(async () => {
    await app.close()
    await store.close()
  })

  const post = (url: string, payload?: object | string, headers: Record<string, string> = {}) => {
    const typed = payload === undefined ? {} : { payload, headers: { 'content-type': 'application/json', ...headers } }
    return app.inject({ method: 'POST', url, headers, ...typed } as InjectOptions)
  }
  const place = (id: string, total = 5) => post(`/v1/order/${id}/place`, orderOf(total))

  test('answer 201 for a new stream and 200 after it, with version, token and places as texts', async () => {
    const placed = await place('a')
    expect(placed.statusCode).toBe(201)
    expect(placed.headers).toMatchObject({ etag: '"1"', 'content-type': expect.stringMatching(/^application\/json/) })
    const body = placed.json()
    expect(body).toEqual({
      streamId: 'order-a',
      version: '1',
      position: expect.stringMatching(/^\d+$/),
      events: [{ id: expect.any(String), version: '1', position: body.position }],
    })
    const token = decodeToken(String(placed.headers['consistency-token']))
    expect(token).toEqual({ epoch: await store.log.epoch(), position: BigInt(body.position) })

    const shipped = await post('/v1/order/a/ship', { carrier: 'dhl' }, { prefer: 'return=representation' })
    expect(shipped.statusCode).toBe(200)
    expect(shipped.headers).toMatchObject({ etag: '"2"', 'preference-applied': 'return=representation' })
    expect(shipped.json()).toMatchObject({ version: '2', state: { status: 'shipped', total: 5 } })
  })

  test('without events still give a token for what they saw', async () => {
    const placed = await place('noop')
    const shipped = await post('/v1/order/noop/ship')
    const again = await post('/v1/order/noop/ship')
    expect([placed.statusCode, shipped.statusCode, again.statusCode]).toEqual([201, 200, 200])
    expect(again.json()).toMatchObject({ events: [], version: '2', position: shipped.json().position })
    expect(again.headers['consistency-token']).toBe(shipped.headers['consistency-token'])
  })

  test('sent again with the same key give the first outcome and append nothing', async () => {
    for (const [id, key] of [
      ['k-1', randomUUID()],
      ['k-2', 'order of Monday'],
      ['k-3', '"order of Monday"'],
    ] as const) {
      const first = await post(`/v1/order/${id}/place`, orderOf(1), { 'idempotency-key': key })
      const second = await post(`/v1/order/${id}/place`, orderOf(1), { 'idempotency-key': key })
      expect([first.statusCode, second.statusCode]).toEqual([201, 201])
      expect(second.json()).toEqual(first.json())
      expect(await store.readStream(`order-${id}`)).toHaveLength(1)
    }
    const uuid = randomUUID()
    await post('/v1/order/k-4/place', orderOf(1), { 'idempotency-key': uuid })
    const stolen = await post('/v1/order/k-5/place', orderOf(1), { 'idempotency-key': uuid })
    expect(stolen.statusCode).toBe(422)
    expect(stolen.json()).toMatchObject({ type: '/problems/idempotency-key-reused' })
    const empty = await post('/v1/order/k-6/place', orderOf(1), { 'idempotency-key': ' ' })
    expect(empty.json()).toMatchObject({ type: '/problems/invalid-header', status: 400 })
  })

  test('with If-Match are executed at that version alone', async () => {
    await place('m')
    const stale = await post('/v1/order/m/ship', {}, { 'if-match': '"7"' })
    expect(stale.statusCode).toBe(412)
    expect(stale.headers['etag']).toBe('"1"')
    expect(stale.json()).toMatchObject({ type: '/problems/precondition-failed', version: '1' })
    expect((await post('/v1/order/m/ship', {}, { 'if-match': '"1"' })).statusCode).toBe(200)
    expect((await post('/v1/order/m/ship', {}, { 'if-match': 'W/"2"' })).statusCode).toBe(400)
    expect((await post('/v1/order/m/place', orderOf(1), { 'if-none-match': '*' })).statusCode).toBe(412)
    expect((await post('/v1/order/fresh/place', orderOf(1), { 'if-none-match': '*' })).statusCode).toBe(201)
  })

  test('at once on one stream are all executed, or refused by its rules', async () => {
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => place('race')))
    expect(outcomes.map(({ statusCode }) => statusCode).sort()).toEqual([201, ...Array<number>(19).fill(409)])
    expect(outcomes.find(({ statusCode }) => statusCode === 409)?.json()).toMatchObject({
      type: '/problems/command-rejected',
      title: expect.any(String),
      code: 'order-already-placed',
      detail: 'the order is placed',
    })
  })

  test('that are not valid are refused with a pointer to each fault, and change nothing', async () => {
    const refused = await post('/v1/order/bad/place', { ...orderOf(-1), items: [{ sku: '', quantity: 1.5 }], 'a/b': 1 })
    expect(refused.statusCode).toBe(422)
    expect(refused.headers['content-type']).toMatch(/^application\/problem\+json/)
    const body = refused.json()
    expect(body).toMatchObject({
      type: '/problems/invalid-input',
      status: 422,
      instance: '/v1/order/bad/place',
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
    })
    expect(body.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual(
      expect.arrayContaining(['/total', '/items/0/sku', '/items/0/quantity']),
    )
    const unstorable = await post('/v1/order/bad/place', orderOf(1, 'a\u0000b'))
    expect(unstorable.json()).toMatchObject({ type: '/problems/event-refused', status: 422 })
    const deep = await post('/v1/order/bad/place', '['.repeat(30) + ']'.repeat(30))
    expect(deep.statusCode).toBe(422)
    expect(await store.readStream('order-bad')).toEqual([])
  })

  test.each([
    ['with half a body', '{"customerId":', {}, 400, 'malformed-json'],
    ['with a key for the prototype', '{"__proto__": {"a": 1}}', {}, 400, 'malformed-json'],
    ['of a form', 'a=1', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'unsupported-media-type'],
    ['of plain text', 'text', { 'content-type': 'text/plain' }, 415, 'unsupported-media-type'],
    ['with a large body', JSON.stringify({ customerId: 'x'.repeat(70_000) }), {}, 413, 'body-too-large'],
    ['with a broken correlation', '{}', { 'x-correlation-id': 'a b' }, 400, 'invalid-header'],
    ['from a foreign page', '{}', { origin: 'https://evil.example' }, 403, 'cross-origin'],
    ['from a page without origin', '{}', { origin: 'null' }, 403, 'cross-origin'],
    ['from an allowed page', '{}', { origin: 'https://shop.example' }, 422, 'invalid-input'],
    ['from a page of this server', '{}', { origin: 'http://localhost:80' }, 422, 'invalid-input'],
  ])('%s are refused, each with its own problem', async (_what, payload, headers, status, type) => {
    const refused = await post('/v1/order/refused/place', payload, headers)
    expect(refused.json()).toMatchObject({ status, type: `/problems/${type}` })
    expect(refused.statusCode).toBe(status)
    expect(await store.readStream('order-refused')).toEqual([])
  })

  test.each([
    ['an unknown command', 'POST', '/v1/order/a/palce', 404, 'unknown-command', 'did you mean "place"?'],
    ['an unknown aggregate', 'POST', '/v1/ordr/a/place', 404, 'unknown-aggregate', 'did you mean "order"?'],
    ['no command', 'POST', '/v1/order/a', 404, 'unknown-command', 'place, ship'],
    ['PUT', 'PUT', '/v1/order/a/place', 405, 'method-not-allowed', 'POST'],
    ['GET', 'GET', '/v1/order/a/place', 405, 'method-not-allowed', 'POST'],
    ['another path', 'GET', '/nowhere', 404, 'not-found', '/docs'],
    ['a long id', 'POST', `/v1/order/${'x'.repeat(513)}/place`, 400, 'invalid-id', '512'],
    ['an id with a zero', 'POST', '/v1/order/%00/place', 400, 'invalid-id', '512'],
    ['half a percent sign', 'POST', '/v1/order/%E0%A4%A/place', 400, 'bad-request', 'percent'],
  ] as const)('to %s are answered with what would be right', async (_what, method, url, status, type, detail) => {
    const refused = await app.inject({ method, url, payload: '{}', headers: { 'content-type': 'application/json' } })
    expect(refused.json()).toMatchObject({ status, type: `/problems/${type}`, detail: expect.stringContaining(detail) })
    expect(refused.statusCode).toBe(status)
    if (status === 405) expect(refused.headers['allow']).toBe('POST')
  })

  test('take ids of every kind', async () => {
    const id = 'ä/ö?#%✓ '
    expect((await place(encodeURIComponent(id))).statusCode).toBe(201)
    expect(await store.readStream(`order-${id}`)).toHaveLength(1)
    expect((await place('ü'.repeat(256))).statusCode).toBe(201)
  })

  test('carry correlation and trace into the events', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const headers = { 'x-correlation-id': 'conversation-1', traceparent }
    const placed = await post('/v1/order/traced/place', orderOf(1), headers)
    expect(placed.headers['x-correlation-id']).toBe('conversation-1')
    const [event] = await store.readStream('order-traced')
    expect(event?.metadata).toMatchObject({ correlationId: 'conversation-1', traceparent })
    const refused = await post('/v1/order/traced/place', orderOf(1), headers)
    expect(refused.json()).toMatchObject({ traceId: '4bf92f3577b34da6a3ce929d0e0e4736' })
  })

  test('meet a lost database with 503 and Retry-After, and say nothing of it', async () => {
    const { pool } = database
    const broken = createEventStore(
      Object.create(pool, { query: { value: () => Promise.reject(new Error('secret host')) } }) as typeof pool,
    )
    const lost = createServer({ store: broken, aggregates: [Order], projections: [] })
    const answer = await lost.inject({ method: 'POST', url: '/v1/order/lost/place', payload: orderOf(1) })
    expect(answer.statusCode).toBe(503)
    expect(answer.headers['retry-after']).toBe('1')
    expect(answer.body).not.toContain('secret host')
    await lost.close()
  })
})
