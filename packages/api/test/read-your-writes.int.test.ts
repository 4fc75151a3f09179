import { createEventStore, inTransaction, type EventStore } from '@tidemark/eventstore'
import { consumerFed, createProjector, type Projector } from '@tidemark/projections'
import type { FastifyInstance } from 'fastify'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createServer, encodeToken } from '../src/index.js'
import { Order, orderOf, orderSummary } from './order.js'
import { useStoreDatabase } from './store-database.js'

describe('a read with a Consistency-Token', () => {
  const database = useStoreDatabase()
  let store: EventStore
  let other: EventStore
  let projector: Projector
  /** One server has the projector in its process, the other one sees only the database. */
  const apps: { here: FastifyInstance; elsewhere: FastifyInstance } = {} as never
  beforeAll(async () => {
    store = createEventStore(database.pool)
    other = createEventStore(database.pool)
    projector = createProjector(store, [orderSummary])
    await projector.start()
    const served = { aggregates: [Order], projections: [orderSummary] }
    apps.here = createServer({ store, ...served, projector })
    apps.elsewhere = createServer({ store: other, ...served })
  })
  afterAll(async () => {
    await apps.here.close()
    await apps.elsewhere.close()
    await projector.stop()
    await store.close()
    await other.close()
  })

  const place = async (app: FastifyInstance, id: string): Promise<string> => {
    const placed = await app.inject({ method: 'POST', url: `/v1/order/${id}/place`, payload: orderOf(1) })
    expect(placed.statusCode, placed.body).toBe(201)
    return String(placed.headers['consistency-token'])
  }
  const read = (app: FastifyInstance, id: string, token: string, prefer?: string) =>
    app.inject({
      url: `/v1/order-summary/${id}`,
      headers: { 'consistency-token': token, ...(prefer !== undefined && { prefer }) },
    })

  test.each(['here', 'elsewhere'] as const)('sees the command every time, with the projector %s', async (where) => {
    for (let index = 0; index < 50; index++) {
      const token = await place(apps[where], `${where}-${index}`)
      const row = await read(apps[where], `${where}-${index}`, token, 'wait=5')
      expect(row.statusCode, row.body).toBe(200)
      expect(row.headers['preference-applied']).toBe('wait')
    }
  })

  test.each(['here', 'elsewhere'] as const)('that comes too early is told so, with the projector %s', async (where) => {
    const app = apps[where]
    await read(app, 'x', await place(app, `before-${where}`), 'wait=5')
    // Whoever holds the row of the checkpoint holds the projection.
    await inTransaction(database.pool, async (client) => {
      await client.query(`select from tidemark.checkpoints where name like 'projection:%' for update`)
      const token = await place(app, `held-${where}`)
      const started = performance.now()
      const late = await read(app, `held-${where}`, token, 'wait=1')
      expect(performance.now() - started).toBeGreaterThan(900)
      expect(late.statusCode).toBe(503)
      expect(late.headers['retry-after']).toBe('1')
      expect(late.json()).toMatchObject({ type: '/problems/projection-behind', lag: '1' })
      const lenient = await read(app, `held-${where}`, token, 'wait=0, handling=lenient')
      expect(lenient.statusCode).toBe(404)
      const list = await app.inject({
        url: '/v1/order-summary',
        headers: { 'consistency-token': token, prefer: 'handling=lenient, wait=0' },
      })
      expect(list.statusCode).toBe(200)
      expect(list.headers).toMatchObject({ 'projection-lag': '1', 'preference-applied': 'handling=lenient' })
    })
  })

  test('is one of a bounded number that wait', async () => {
    const small = createServer({ store, aggregates: [Order], projections: [orderSummary], projector, maxWaiters: 2 })
    const token = encodeToken({ epoch: await store.log.epoch(), position: 2n ** 60n })
    const answers = await Promise.all([1, 2, 3].map(() => read(small, 'x', token, 'wait=1')))
    const types = answers.map((answer) => answer.json().type)
    expect(types.sort()).toEqual(['/problems/overloaded', '/problems/projection-behind', '/problems/projection-behind'])
    // Those that have waited make room.
    expect((await read(small, 'x', token, 'wait=0')).json().type).toBe('/problems/projection-behind')
    await small.close()
  })

  test('of another epoch, or that is none, is refused at once', async () => {
    const foreign = encodeToken({ epoch: randomUUID(), position: 1n })
    expect((await read(apps.here, 'x', foreign)).json()).toMatchObject({ status: 409, type: '/problems/foreign-epoch' })
    const token = await place(apps.here, 'token')
    for (const broken of ['', 'x', `${token}A`, token.slice(1), `A${token.slice(1, -1)}=`, '-'.repeat(34)]) {
      const refused = await read(apps.here, 'x', broken)
      expect(refused.json()).toMatchObject({ status: 400, type: '/problems/invalid-token' })
    }
  })

  test('of a projection that has failed does not wait', async () => {
    const token = await place(apps.elsewhere, 'before-failure')
    await read(apps.elsewhere, 'before-failure', token, 'wait=5')
    await projector.stop()
    await database.pool.query(`update tidemark.checkpoints set error = 'broken' where name like 'projection:%'`)
    const later = await place(apps.elsewhere, 'after-failure')
    const started = performance.now()
    const refused = await read(apps.elsewhere, 'after-failure', later, 'wait=5')
    expect(performance.now() - started).toBeLessThan(2000)
    expect(refused.json()).toMatchObject({ status: 503, type: '/problems/projection-faulted' })
    expect(refused.body).not.toContain('broken')
    const ready = await apps.elsewhere.inject({ url: '/health/ready' })
    expect(ready.statusCode).toBe(503)
    expect(ready.json()).toMatchObject({ type: '/problems/not-ready', checks: { database: 'ok' } })
    expect(ready.json().checks.projections).toContain('order-summary')
    // What is older than the failure is still there to be read.
    expect((await read(apps.elsewhere, 'before-failure', token)).statusCode).toBe(200)
  })

  test('of a projection that a consumer group feeds has nothing to wait for', async () => {
    const before = await place(apps.here, 'before-fed')
    const nothing = () => Promise.resolve(() => Promise.resolve())
    await consumerFed(store, orderSummary).attach({ feeder: 'readers', begin: nothing })
    expect((await read(apps.here, 'before-fed', before)).statusCode).toBe(200)
    const token = await place(apps.here, 'after-fed')
    const started = performance.now()
    const refused = await read(apps.here, 'after-fed', token, 'wait=5')
    expect(performance.now() - started).toBeLessThan(2000)
    expect(refused.json()).toMatchObject({ status: 422, type: '/problems/projection-without-position' })
    const live = { accept: 'text/event-stream' }
    const unwatchable = await apps.here.inject({ url: '/v1/order-summary', headers: live })
    expect(unwatchable.json()).toMatchObject({ status: 422, type: '/problems/projection-without-position' })
    const row = await apps.here.inject({ url: '/v1/order-summary/before-fed' })
    expect([row.statusCode, row.headers['tidemark-stream-version']]).toEqual([200, undefined])
    const lenient = { 'consistency-token': token, prefer: 'handling=lenient' }
    const list = await apps.here.inject({ url: '/v1/order-summary', headers: lenient })
    expect(list.statusCode).toBe(200)
    expect(list.headers).toMatchObject({ 'preference-applied': 'handling=lenient' })
  })
})
