import { createEventStore, type EventStore, type Logger } from '@tidemark/eventstore'
import type { FastifyInstance } from 'fastify'
import { readdir } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createServer, problemTypes, type ServerOptions } from '../src/index.js'
import { Order, orderOf, orderSummary } from './order.js'
import { useStoreDatabase } from './store-database.js'

interface Documented {
  readonly paths: Record<string, Record<string, { responses: Record<string, { headers?: object }> }>>
}

describe('a server', () => {
  const database = useStoreDatabase()
  let store: EventStore
  const servers: FastifyInstance[] = []
  beforeAll(() => {
    store = createEventStore(database.pool)
  })
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()))
  })
  afterAll(() => store.close())
  const create = (options: Partial<ServerOptions> = {}) => {
    const app = createServer({ store, aggregates: [Order], projections: [orderSummary], ...options })
    servers.push(app)
    return app
  }

  test('tells browsers to load nothing from elsewhere, on every answer, refusals too', async () => {
    const app = create()
    for (const url of ['/docs/', '/docs/static/swagger-ui-bundle.js', '/health/live', '/nowhere', '/v1/nothing']) {
      const { headers } = await app.inject(url)
      const policy = String(headers['content-security-policy'])
      expect(policy, url).toContain("default-src 'none'")
      expect(policy, url).not.toMatch(/https?:|unsafe|upgrade-insecure|\*/)
      expect(headers, url).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': expect.any(String),
        'referrer-policy': 'no-referrer',
      })
    }
    const { body } = await app.inject('/docs/')
    // What the policy would not let run.
    expect(body).not.toMatch(/<script(?![^>]*\ssrc=)|<style| on\w+="/)
    expect((await app.inject('/docs/static/swagger-initializer.js')).body).toContain('"validatorUrl":null')
  })

  test('lets pages of other origins in by name alone', async () => {
    const preflight = { origin: 'https://shop.example', 'access-control-request-method': 'POST' }
    const url = '/v1/order/c-1/place'
    const closed = await create().inject({ method: 'OPTIONS', url, headers: preflight })
    expect(closed.headers['access-control-allow-origin']).toBeUndefined()
    const app = create({ allowedOrigins: ['https://shop.example'] })
    const open = await app.inject({ method: 'OPTIONS', url, headers: preflight })
    expect(open.statusCode).toBe(204)
    expect(open.headers['access-control-allow-origin']).toBe('https://shop.example')
    const sent = await app.inject({ method: 'POST', url, payload: orderOf(1), headers: { origin: preflight.origin } })
    expect(sent.statusCode).toBe(201)
    const exposed = String(sent.headers['access-control-expose-headers']).split(', ')
    const document = (await app.inject('/openapi.json')).json<Documented>()
    const told = Object.values(document.paths)
      .flatMap((path) => Object.values(path))
      .flatMap(({ responses }) => Object.values(responses))
      .flatMap(({ headers = {} }) => Object.keys(headers))
    expect(told).toContain('Tidemark-Stream-Version')
    expect(told.filter((name) => !exposed.includes(name))).toEqual([])
    for (const origin of ['https://shop.example.evil', 'http://shop.example', 'null']) {
      const other = await app.inject({ method: 'OPTIONS', url, headers: { ...preflight, origin } })
      expect(other.headers['access-control-allow-origin'], origin).toBeUndefined()
    }
  })

  test('answers who sends too much with 429, and those who guess tokens; never its probes', async () => {
    const app = create({ rateLimit: { max: 3, windowMs: 60_000 }, authentication: () => undefined, metrics: true })
    const codes: number[] = []
    for (const url of ['/metrics', '/nowhere', '/openapi.json', '/metrics'])
      codes.push((await app.inject(url)).statusCode)
    expect(codes).toEqual([401, 404, 200, 429])
    const refused = await app.inject('/v1/commands/x')
    expect(refused.json()).toMatchObject({ type: '/problems/too-many-requests', status: 429 })
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    expect(refused.headers['content-type']).toContain('application/problem+json')
    expect((await app.inject('/health/live')).statusCode).toBe(200)
    expect((await app.inject({ url: '/nowhere', remoteAddress: '192.0.2.7' })).statusCode).toBe(404)
    expect(() => create({ rateLimit: { max: 0 } })).toThrow('a whole number of requests')
  })

  test('tells callers apart behind a proxy that it trusts', async () => {
    for (const [trustProxy, expected] of [
      [true, 404],
      [false, 429],
    ] as const) {
      const app = create({ rateLimit: { max: 1 }, trustProxy })
      await app.inject({ url: '/nowhere', headers: { 'x-forwarded-for': '192.0.2.1' } })
      const second = await app.inject({ url: '/nowhere', headers: { 'x-forwarded-for': '192.0.2.2' } })
      expect(second.statusCode).toBe(expected)
    }
  })

  test('says that it is busy when it is, and that it lives', async () => {
    const app = create({ pressure: { maxHeapUsedBytes: 1 } })
    // Memory is looked at once a second.
    let refused = await app.inject('/openapi.json')
    await expect
      .poll(async () => (refused = await app.inject('/openapi.json')).statusCode, { timeout: 10_000 })
      .toBe(503)
    expect(refused.json()).toMatchObject({ type: '/problems/overloaded', status: 503 })
    expect(refused.headers['retry-after']).toBe('5')
    expect((await app.inject('/health/live')).statusCode).toBe(200)
  })

  test('gives every request an id, which its log has', async () => {
    const lines: { requestId?: string }[] = []
    const write = (fields: object) => void lines.push(fields)
    const logger: Logger = { debug: write, info: write, warn: write, error: write }
    const failing = Object.create(store, { execute: { value: () => Promise.reject(new Error('a bug')) } }) as EventStore
    const app = create({ store: failing, logger })
    const url = '/v1/order/i-1/place'
    const own = await app.inject({ method: 'POST', url, payload: orderOf(1), headers: { 'x-request-id': 'mine-1' } })
    expect(own.headers['x-request-id']).toBe('mine-1')
    const made = await app.inject({ method: 'POST', url, payload: orderOf(1), headers: { 'x-request-id': 'a b' } })
    expect(made.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
    expect(lines.map(({ requestId }) => requestId)).toEqual(
      expect.arrayContaining(['mine-1', made.headers['x-request-id']]),
    )
  })

  test('has a page for each problem, and a problem for each page', async () => {
    const app = create()
    const names = Object.keys(problemTypes)
    const pages = await readdir(new URL('../../../docs/problems/', import.meta.url))
    expect(pages.sort()).toEqual(names.map((name) => `${name}.md`).sort())
    for (const [name, { status, title }] of Object.entries(problemTypes)) {
      const page = await app.inject(`/problems/${name}`)
      expect(page.statusCode, name).toBe(200)
      expect(page.headers['content-type']).toBe('text/markdown; charset=utf-8')
      expect(page.body).toContain(`# ${name}\n\n${title}: status ${status}.\n`)
      expect(page.body).toMatch(/## What it means\n\n.+\n\n## What to do\n\n- /)
      const [, json = ''] = /```json\n(.*)```/s.exec(page.body) ?? []
      expect(JSON.parse(json)).toMatchObject({ type: `/problems/${name}`, title, status })
    }
    const html = await app.inject({ url: '/problems/event-refused', headers: { accept: 'text/html,*/*;q=0.8' } })
    expect(html.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(html.body).toContain('<pre># event-refused')
    for (const name of ['nothing', '..%2Fguides%2Fkafka', '__proto__', 'constructor'])
      expect((await app.inject(`/problems/${name}`)).statusCode, name).toBe(404)
  })
})
