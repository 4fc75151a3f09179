import { createEventStore, type EventStore } from '@tidemark/eventstore'
import type { FastifyInstance, InjectOptions, RouteOptions } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasRole } from '../src/auth/principal.js'
import { bearerTokens, createServer, roles, type Role } from '../src/index.js'
import { Order, orderSummary } from './order.js'
import { useStoreDatabase } from './store-database.js'

/** What anybody may see: whether the server is there, and what it does; no data. */
const isPublic = (url: string) => url === '/openapi.json' || /^\/(?:health|docs|problems)(?:\/|$)/.test(url)

const tokenOf = (who: string) => who.padEnd(32, '.')
const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE'] as const

describe('every route of a server', () => {
  const database = useStoreDatabase()
  let store: EventStore
  let app: FastifyInstance
  const routes = new Map<string, Set<string>>()
  const hidden = new Map<string, Set<string>>()
  beforeAll(async () => {
    store = createEventStore(database.pool)
    app = createServer({
      store,
      aggregates: [Order],
      projections: [orderSummary],
      admin: true,
      metrics: true,
      rateLimit: { max: 1_000_000 },
      authentication: bearerTokens([
        ...roles.map((role) => ({ token: tokenOf(role), subject: role, roles: [role] })),
        { token: tokenOf('no-role'), subject: 'no-role', roles: [] },
      ]),
    })
    app.addHook('onRoute', ({ method, url, schema }: RouteOptions) => {
      const isHidden = schema !== undefined && 'hide' in schema
      const known = isHidden ? hidden : routes
      known.set(url, new Set([...(known.get(url) ?? []), ...[method].flat()]))
    })
    await app.ready()
  })
  afterAll(async () => {
    await app.close()
    await store.close()
  })

  const ask = (method: string, url: string, who?: string) => {
    const path = url.replaceAll(/:\w+/g, 'x').replaceAll('*', 'x')
    const headers = who === undefined ? {} : { authorization: `Bearer ${tokenOf(who)}` }
    return app.inject({ method, url: path, headers } as InjectOptions)
  }
  const all = () => [...routes, ...hidden].flatMap(([url, known]) => [...known].map((method) => [method, url] as const))

  test('is known to this test', () => {
    expect([...routes.keys()]).toEqual(
      expect.arrayContaining(['/health/live', '/metrics', '/v1/order-summary/:key', '/v1/order/:id/place']),
    )
    expect(all().length).toBeGreaterThan(40)
  })

  test('answers 401 to those who do not say who they are, but for what is public', async () => {
    for (const [method, url] of all()) {
      for (const who of [undefined, 'a stranger']) {
        const { statusCode, headers } = await ask(method, url, who)
        if (isPublic(url)) expect([401, 403], `${method} ${url}`).not.toContain(statusCode)
        else {
          expect(statusCode, `${method} ${url}`).toBe(401)
          expect(headers['www-authenticate'], `${method} ${url}`).toMatch(/^Bearer/)
        }
      }
    }
  })

  test('answers 403 to every role but those that it is for', async () => {
    for (const [method, url] of all().filter(([, path]) => !isPublic(path))) {
      if (method === 'HEAD') continue
      const refused = await ask(method, url, 'no-role')
      expect(refused.statusCode, `${method} ${url}`).toBe(403)
      const needed = refused.json<{ role: Role }>().role
      expect(roles).toContain(needed)
      for (const role of roles) {
        const mayPass = hasRole({ subject: role, roles: [role] }, needed)
        // What changes something is asked by those alone who may not.
        if (mayPass && method !== 'GET') continue
        const { statusCode } = await ask(method, url, role)
        if (mayPass) expect([401, 403], `${method} ${url} as ${role}`).not.toContain(statusCode)
        else expect(statusCode, `${method} ${url} as ${role}`).toBe(403)
      }
    }
  })

  test('answers 405 to methods that it does not have, and names those that it has', async () => {
    const documents = ['/openapi.json', '/docs', '/docs/', '/docs/json', '/problems/internal']
    const paths = [...[...routes.keys()], ...documents].filter((url) => url !== '*')
    for (const url of paths) {
      const known = routes.get(url) ?? new Set(['GET', 'HEAD'])
      for (const method of methods.filter((one) => !known.has(one))) {
        const refused = await ask(method, url, 'admin')
        expect(refused.statusCode, `${method} ${url}`).toBe(405)
        const allowed = String(refused.headers['allow']).split(', ')
        expect(allowed.filter((one) => one !== 'HEAD').sort(), `${method} ${url}`).toEqual(
          [...known].filter((one) => one !== 'HEAD').sort(),
        )
      }
    }
  })

  test('stands in the OpenAPI document with what it may refuse', async () => {
    const document = (await app.inject('/openapi.json')).json()
    const documented = Object.keys(document.paths).map((path) => path.replaceAll(/\{(\w+)\}/g, ':$1'))
    expect(documented.sort()).toEqual([...routes.keys()].sort())
    expect(document.components.securitySchemes.bearer).toEqual({ type: 'http', scheme: 'bearer' })
    for (const [path, operations] of Object.entries<Record<string, { responses: object; security?: object }>>(
      document.paths,
    )) {
      for (const { responses, security } of Object.values(operations)) {
        if (isPublic(path)) continue
        expect(Object.keys(responses), path).toEqual(expect.arrayContaining(['401', '403', '429', '503']))
        expect(security, path).toEqual([{ bearer: [] }])
      }
    }
  })
})
