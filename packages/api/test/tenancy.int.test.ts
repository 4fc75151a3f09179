import { createEventStore, type EventStore } from '@tidemark/eventstore'
import { databaseTemplate, migrate } from '@tidemark/migrations'
import { createTestDatabase, type TestDatabase } from '@tidemark/test-servers'
import type { FastifyInstance, InjectOptions } from 'fastify'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bearerTokens, createServer } from '../src/index.js'
import { Order, orderOf } from './order.js'

const tokenOf = (subject: string) => subject.padEnd(32, '-')

describe('in a store with tenancy', () => {
  let database: TestDatabase
  let pool: pg.Pool
  let store: EventStore
  let app: FastifyInstance
  beforeAll(async () => {
    database = await createTestDatabase({ template: databaseTemplate })
    await migrate(database.directUrl, { tenancy: true })
    pool = new pg.Pool({ connectionString: database.directUrl, options: '-c role=tidemark_writer' })
    store = createEventStore(pool)
    app = createServer({
      store,
      aggregates: [Order],
      projections: [],
      authentication: bearerTokens([
        { token: tokenOf('anna'), subject: 'anna', roles: ['writer'], tenant: 'acme' },
        { token: tokenOf('gina'), subject: 'gina', roles: ['writer'], tenant: 'globex' },
        { token: tokenOf('nobody'), subject: 'nobody', roles: ['admin'] },
        { token: tokenOf('odd'), subject: 'odd', roles: ['writer'], tenant: 'a tenant/of no name' },
      ]),
    })
  })
  afterAll(async () => {
    await app.close()
    await store.close()
    await pool.end()
    await database.drop()
  })
  const send = (who: string, method: string, url: string, payload?: object, headers: Record<string, string> = {}) =>
    app.inject({
      ...{ method, url, headers: { authorization: `Bearer ${tokenOf(who)}`, ...headers } },
      ...(payload && { payload }),
    } as InjectOptions)

  test('commands go to the streams of the tenant, whose subject is the actor', async () => {
    for (const [who, tenant, total] of [
      ['anna', 'acme', 1],
      ['gina', 'globex', 2],
    ] as const) {
      const placed = await send(who, 'POST', '/v1/order/o-1/place', orderOf(total), { 'idempotency-key': 'the same' })
      expect(placed.statusCode).toBe(201)
      const again = await send(who, 'POST', '/v1/order/o-1/place', orderOf(total), { 'idempotency-key': 'the same' })
      expect(again.json()).toEqual(placed.json())
      const [event, ...more] = await store.forTenant(tenant).readStream('order-o-1')
      expect(more).toEqual([])
      expect(event).toMatchObject({ data: { total }, metadata: { actor: who } })
    }
  })

  test('what became of a command is told to its tenant alone', async () => {
    const accepted = await send('anna', 'POST', '/v1/order/o-2/place', orderOf(1), { prefer: 'respond-async' })
    const location = String(accepted.headers['location'])
    await expect.poll(async () => (await send('anna', 'GET', location)).json().status).toBe('done')
    const [event] = await store.forTenant('acme').readStream('order-o-2')
    expect(event?.metadata).toMatchObject({ actor: 'anna' })
    expect((await send('gina', 'GET', location)).json()).toMatchObject({ status: 404 })
    expect((await send('nobody', 'GET', location)).json()).toMatchObject({ status: 403 })
    expect(await store.forTenant('globex').readStream('order-o-2')).toEqual([])
  })

  test('a caller without a tenant, or with one of no such name, cannot send commands', async () => {
    const refused = await send('nobody', 'POST', '/v1/order/o-3/place', orderOf(1))
    expect(refused.json()).toMatchObject({ status: 403, detail: expect.stringContaining('your token names none') })
    expect((await send('odd', 'POST', '/v1/order/o-3/place', orderOf(1))).statusCode).toBe(403)
  })
})
