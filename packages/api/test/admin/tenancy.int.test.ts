import { createEventStore, type EventStore } from '@tidemark/eventstore'
import { migrate } from '@tidemark/migrations'
import type { FastifyInstance } from 'fastify'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createServer } from '../../src/index.js'
import { Order } from '../order.js'
import { useStoreDatabase } from '../store-database.js'
import { anOrder } from './an-order.js'
import { AdminClient, authentication, type Json } from './admin-server.js'

const reason = 'a test wants it'
/** Writes and maintains, and is bound by row-level security: what a server with tenancy connects as. */
const role = `admin_of_tests_${process.pid}`

describe('the admin API of a store with tenancy', () => {
  const database = useStoreDatabase()
  let pool: pg.Pool
  let store: EventStore
  let app: FastifyInstance
  const acme = new AdminClient(() => app, 'viewer/acme')
  const eventIds: Record<string, string> = {}

  beforeAll(async () => {
    await migrate(database.directUrl, { tenancy: true })
    await database.pool.query(`create role ${role} nologin in role tidemark_writer, tidemark_maintainer`)
    pool = new pg.Pool({ connectionString: database.directUrl, options: `-c role=${role}` })
    store = createEventStore(pool, { listen: false })
    for (const [tenant, total] of [
      ['acme', 1],
      ['bolt', 2],
    ] as const) {
      const streams = store.forTenant(tenant)
      await streams.execute(Order, 'same', 'place', anOrder(total, tenant), { correlationId: 'shared' })
      await streams.execute(Order, `only-${tenant}`, 'place', anOrder(total))
      await streams.execute(Order, 'same', 'ship', {})
      eventIds[tenant] = (await streams.readStream('order-same'))[0]!.id
    }
    app = createServer({ store, aggregates: [Order], projections: [], authentication, admin: true })
    await app.ready()
  })
  afterAll(async () => {
    await app.close()
    await store.close()
    await pool.end()
    await database.pool.query(`drop role ${role}`)
  })

  test("shows those of a tenant its own streams, and another's are not there", async () => {
    const ids = (await acme.get('/streams')).body.data.map(({ streamId }: Json) => streamId)
    expect(ids).toEqual(['order-only-acme', 'order-same'])
    expect((await acme.get('/streams/order-same')).body.data).toHaveLength(2)
    expect((await acme.get('/streams/order-same/state')).body.version).toBe('2')
    expect((await acme.get(`/events/${eventIds['acme']}`)).status).toBe(200)
    expect((await acme.get('/events?correlationId=shared')).body.data).toHaveLength(1)
    expect((await acme.get(`/events/${eventIds['acme']}/trace`)).body.events).toHaveLength(1)
    for (const path of [
      '/streams/order-only-bolt',
      '/streams/order-only-bolt/state',
      '/streams/order-only-bolt/diff?from=1',
    ])
      expect((await acme.get(path)).body.type, path).toBe('/problems/unknown-stream')
    for (const path of [`/events/${eventIds['bolt']}`, `/events/${eventIds['bolt']}/trace`])
      expect((await acme.get(path)).body.type, path).toBe('/problems/unknown-event')
    expect((await acme.get('/streams?tenant=bolt')).body.type).toBe('/problems/unknown-tenant')
    expect((await acme.get('/streams/order-same?tenant=acme')).status).toBe(200)
  })

  test('keeps what is of all tenants from those of one', async () => {
    const admin = acme.for('admin/acme')
    for (const path of [
      '/overview',
      '/projections',
      '/dead-letters',
      '/dead-letters/groups',
      '/bridges',
      '/consumers',
      '/doctor',
      '/database',
      '/operations',
      '/audit',
    ])
      expect((await admin.get(path)).status, path).toBe(403)
  })

  test('asks those of no tenant for one, and shows them no payloads', async () => {
    expect((await acme.for('viewer').get('/streams')).status).toBe(403)
    const operator = acme.for('operator')
    expect((await operator.get('/streams')).body).toMatchObject({ status: 400, errors: [{ parameter: 'tenant' }] })
    const { body } = await acme.for('admin').get('/streams/order-same?tenant=bolt&payloads=full')
    expect(body.data).toMatchObject([{ type: 'OrderPlaced' }, { type: 'OrderShipped' }])
    expect(body.data[0]).not.toHaveProperty('data')
    expect((await acme.for('admin').get('/overview')).body.healthy).toBe(true)
  })

  test('lets admins of a tenant change its own streams alone, and audits it', async () => {
    const admin = acme.for('admin/acme')
    const truncate = { reason, beforeVersion: 2, withoutSnapshot: true, evenIfUnread: true }
    expect((await admin.post('/streams/order-only-bolt/truncate', truncate)).status).toBe(404)
    expect((await admin.post('/streams/order-same/truncate', { ...truncate, tenant: 'bolt' })).status).toBe(404)
    const truncated = await admin.post('/streams/order-same/truncate', truncate)
    expect(truncated.body).toMatchObject({ result: { deletedEvents: '1' } })
    expect((await admin.get(`/operations/${truncated.body.id}`)).status).toBe(200)
    expect((await acme.for('admin/bolt').get(`/operations/${truncated.body.id}`)).status).toBe(404)
    expect(await store.forTenant('bolt').readStream('order-same')).toHaveLength(2)
    expect((await admin.post('/subjects/c-9/forget', { reason })).body.status).toBe('done')
    const { data } = (await acme.for('admin').get('/audit')).body
    expect(data.slice(-2)).toMatchObject([
      { outcome: 'done', action: 'streams.truncate', actor: 'the admin' },
      { outcome: 'requested', parameters: { tenant: 'acme', beforeVersion: 2 } },
    ])
  })
})
