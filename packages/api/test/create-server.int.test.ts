import { createEventStore, type EventStore, type Logger } from '@tidemark/eventstore'
import { createProjector, type Projector } from '@tidemark/projections'
import fastify from 'fastify'
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { commands, createServer, readModels, UnauthenticatedHostError, type ServerOptions } from '../src/index.js'
import { Order, orderOf, orderSummary } from './order.js'
import { useStoreDatabase } from './store-database.js'

describe('the server', () => {
  const database = useStoreDatabase()
  let store: EventStore
  let projector: Projector
  beforeAll(async () => {
    store = createEventStore(database.pool)
    projector = createProjector(store, [orderSummary])
    await projector.start()
  })
  afterAll(async () => {
    await projector.stop()
    await store.close()
  })
  const create = (options: Partial<ServerOptions> = {}) =>
    createServer({ store, aggregates: [Order], projections: [orderSummary], projector, ...options })

  test('takes an order and shows it, over a real connection', async () => {
    const app = create()
    const url = await app.listen({ port: 0 })
    const placed = await fetch(`${url}/v1/order/real/place`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(orderOf(7)),
    })
    expect(placed.status).toBe(201)
    const token = placed.headers.get('consistency-token')!
    const row = await fetch(`${url}/v1/order-summary/real`, {
      headers: { 'consistency-token': token, prefer: 'wait=5' },
    })
    expect(row.status).toBe(200)
    expect(await row.json()).toMatchObject({ orderId: 'real', total: 7 })
    await app.close()
    await expect(fetch(url)).rejects.toThrow()
    expect((await store.load(Order, 'real')).version).toBe(1n)
  })

  test('answers what is no HTTP, and headers that are too large, with problems', async () => {
    const app = create()
    const { port } = new URL(await app.listen({ port: 0, host: '127.0.0.1' }))
    for (const [request, status] of [
      ['nonsense\r\n\r\n', 400],
      [`GET /?${'x'.repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, 431],
    ] as const) {
      const socket = connect(Number(port), '127.0.0.1')
      await once(socket, 'connect')
      socket.write(request)
      const [head, body] = (await text(socket)).split('\r\n\r\n')
      expect(head).toContain('application/problem+json')
      expect(JSON.parse(body!)).toMatchObject({ status, traceId: expect.stringMatching(/^[0-9a-f]{32}$/) })
    }
    await app.close()
  })

  test('lets a request in flight finish when it closes', async () => {
    const app = create({
      checks: { slow: () => new Promise((resolve) => setTimeout(resolve, 300)) },
    })
    const url = await app.listen({ port: 0 })
    const ready = fetch(`${url}/health/ready`)
    await new Promise((resolve) => setTimeout(resolve, 100))
    await app.close()
    expect((await ready).status).toBe(200)
  })

  test.each(['0.0.0.0', '::', '192.0.2.1', 'example.org', '127.0.0.1.example.org'])(
    'does not listen on %s without authentication',
    async (host) => {
      const app = create()
      await expect(app.listen({ port: 0, host })).rejects.toThrow(UnauthenticatedHostError)
      expect(app.server.listening).toBe(false)
      await app.close()
    },
  )

  test('listens everywhere when it is told that this is wanted', async () => {
    const app = create({ allowUnauthenticated: true })
    await app.listen({ port: 0, host: '0.0.0.0' })
    expect(app.server.listening).toBe(true)
    await app.close()
  })

  test('says whether it lives and is ready', async () => {
    const app = create({ checks: { schema: async () => undefined } })
    expect((await app.inject('/health/live')).json()).toEqual({ status: 'live' })
    const ready = await app.inject('/health/ready')
    expect(ready.json()).toEqual({ status: 'ready', checks: { database: 'ok', projections: 'ok', schema: 'ok' } })
    await app.close()

    const unready = create({ checks: { schema: () => Promise.reject(new Error('run `tidemark db migrate`')) } })
    const answer = await unready.inject('/health/ready')
    expect(answer.statusCode).toBe(503)
    expect(answer.json()).toMatchObject({ type: '/problems/not-ready', checks: { database: 'ok' } })
    expect(answer.json().detail).toContain('run `tidemark db migrate`')
    expect((await unready.inject('/health/live')).statusCode).toBe(200)
    await unready.close()

    const refused = Object.assign(new Error('connect ECONNREFUSED 10.0.0.7'), { syscall: 'connect' })
    const cut = create({ checks: { schema: () => Promise.reject(refused) } })
    expect((await cut.inject('/health/ready')).body).not.toContain('10.0.0.7')
    await cut.close()
  })

  test('without a database lives, is not ready, and says so in time', async () => {
    const { pool } = database
    const never = createEventStore(
      Object.create(pool, { query: { value: () => new Promise(() => undefined) } }) as typeof pool,
    )
    const app = createServer({ store: never, aggregates: [], projections: [] })
    expect((await app.inject('/health/live')).statusCode).toBe(200)
    const started = performance.now()
    const ready = await app.inject('/health/ready')
    expect(performance.now() - started).toBeLessThan(4000)
    expect(ready.json()).toMatchObject({ status: 503, checks: { database: expect.stringContaining('2000 ms') } })
    await app.close()
  })

  test('is also had as plugins, which leave the rest of a server alone', async () => {
    const app = fastify()
    await app.register(commands, { prefix: '/shop', authentication: 'none', store, aggregates: [Order] })
    await app.register(readModels, { prefix: '/shop', authentication: 'none', store, projections: [orderSummary] })
    app.post('/echo', async ({ body }) => ({ body }))
    app.get('/fails', async () => {
      throw Object.assign(new Error('mine'), { statusCode: 418 })
    })
    const placed = await app.inject({ method: 'POST', url: '/shop/order/plugin/place', payload: orderOf(1) })
    expect(placed.statusCode).toBe(201)
    const headers = { 'consistency-token': String(placed.headers['consistency-token']), prefer: 'wait=5' }
    expect((await app.inject({ url: '/shop/order-summary/plugin', headers })).statusCode).toBe(200)
    expect((await app.inject('/shop/order-sumary')).headers['content-type']).toContain('application/problem+json')
    const echo = { method: 'POST', url: '/echo', payload: 'a text', headers: { 'content-type': 'text/plain' } } as const
    expect((await app.inject(echo)).json()).toEqual({ body: 'a text' })
    const failed = await app.inject('/fails')
    expect(failed.statusCode).toBe(418)
    expect(failed.json()).toMatchObject({ message: 'mine' })
    await app.close()
  })

  test('documents every route in OpenAPI 3.1, from the schemas of the definitions', async () => {
    const app = create()
    const document = (await app.inject('/openapi.json')).json()
    expect(document.openapi).toBe('3.1.0')
    expect(Object.keys(document.paths).sort()).toEqual([
      '/health/live',
      '/health/ready',
      '/v1/commands/{id}',
      '/v1/order-summary',
      '/v1/order-summary/{key}',
      '/v1/order-summary/{key}/blame',
      '/v1/order-summary/{key}/history',
      '/v1/order/{id}/place',
      '/v1/order/{id}/ship',
    ])
    const place = document.paths['/v1/order/{id}/place'].post
    expect(place.requestBody.content['application/json'].schema).toMatchObject({
      required: ['customerId', 'items', 'total'],
      properties: { total: { type: 'number', minimum: 0 }, items: { type: 'array', minItems: 1 } },
    })
    expect(place.responses['422'].content['application/problem+json']).toBeDefined()
    const list = document.paths['/v1/order-summary'].get
    const parameters = list.parameters.map(({ name }: { name: string }) => name)
    expect(parameters).toEqual(expect.arrayContaining(['status', 'total.gte', 'sort', 'limit', 'after', 'Prefer']))
    const row = document.paths['/v1/order-summary/{key}'].get.responses['200'].content['application/json'].schema
    expect(row.properties).toMatchObject({
      placedAt: { type: 'string', format: 'date-time' },
      big: { type: 'string' },
      status: { enum: ['placed', 'shipped'] },
    })
    const docs = await app.inject('/docs/')
    expect(docs.statusCode).toBe(200)
    // Everything that the page loads comes from this server.
    expect(docs.body).not.toMatch(/(src|href)="https?:/)
    for (const [, path = ''] of docs.body.matchAll(/(?:src|href)="\.?\/?([^"]+\.(?:js|css))"/g)) {
      expect((await app.inject(new URL(path, 'http://localhost/docs/').pathname)).statusCode, path).toBe(200)
    }
    await app.close()
  })

  test('logs what is its own fault with the trace id, and tells callers nothing of it', async () => {
    const errors: { traceId?: string; err?: Error }[] = []
    const log = (level: string) => (fields: object) => void (level === 'error' && errors.push(fields))
    const logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') } satisfies Logger
    const broken = createEventStore(
      Object.create(database.pool, {
        query: { value: () => Promise.reject(Object.assign(new Error('secret detail'), { code: '42601' })) },
      }) as typeof database.pool,
    )
    const app = createServer({ store: broken, aggregates: [Order], projections: [], logger })
    const answer = await app.inject({ method: 'POST', url: '/v1/order/x/place', payload: orderOf(1) })
    expect(answer.statusCode).toBe(500)
    expect(answer.body).not.toContain('secret')
    expect(errors).toHaveLength(1)
    expect(errors[0]?.traceId).toBe(answer.json().traceId)
    expect(errors[0]?.err?.message).toContain('secret detail')
    await app.close()
  })
})
