import { createEventStore, type EventStore } from '@tidemark/eventstore'
import { migrate } from '@tidemark/migrations'
import { createProjector, readModelsIn, type Projector, type ReadModelStore } from '@tidemark/projections'
import { createTestDatabase, type TestDatabase } from '@tidemark/test-servers'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createServer } from '../src/index.js'
import { EventStream } from './event-stream.js'
import { Order, orderOf, orderSummary } from './order.js'
import { useStoreDatabase } from './store-database.js'

describe('read models in another database than the log', () => {
  const database = useStoreDatabase()
  let readDatabase: TestDatabase
  let store: EventStore
  let readModels: ReadModelStore
  let projector: Projector
  /** One server has the projector in its process, the other one sees only the databases. */
  const apps: { here: FastifyInstance; elsewhere: FastifyInstance } = {} as never
  beforeAll(async () => {
    readDatabase = await createTestDatabase()
    await migrate(readDatabase.directUrl, { schema: 'reads', readModelsOnly: true })
    store = createEventStore(database.pool)
    readModels = await readModelsIn(store, readDatabase.createPool(), { schema: 'reads' })
    projector = createProjector(readModels, [orderSummary])
    await projector.start()
    const served = { store, readModels, aggregates: [Order], projections: [orderSummary] }
    apps.here = createServer({ ...served, projector })
    apps.elsewhere = createServer(served)
  })
  afterAll(async () => {
    await apps.here.close()
    await apps.elsewhere.close()
    await projector.stop()
    await store.close()
    await readDatabase.drop()
  })

  test.each(['here', 'elsewhere'] as const)('a token is waited for, with the projector %s', async (where) => {
    for (let index = 0; index < 20; index++) {
      const id = `${where}-${index}`
      const placed = await apps[where].inject({ method: 'POST', url: `/v1/order/${id}/place`, payload: orderOf(1) })
      const token = String(placed.headers['consistency-token'])
      const row = await apps[where].inject({
        url: `/v1/order-summary/${id}`,
        headers: { 'consistency-token': token, prefer: 'wait=5' },
      })
      expect(row.statusCode, row.body).toBe(200)
    }
    const list = await apps[where].inject({ url: '/v1/order-summary?limit=5' })
    expect(list.json().data).toHaveLength(5)
    expect((await apps[where].inject({ url: '/health/ready' })).statusCode).toBe(200)
    // Nothing of it is beside the log.
    const { rows } = await database.pool.query(`select to_regclass('tidemark_read.order_summary') as found`)
    expect(rows).toEqual([{ found: null }])
  })

  test('live rows are told, by the log of one database and the rows of the other', async () => {
    const at = await apps.elsewhere.listen({ port: 0, host: '127.0.0.1' })
    const stream = await EventStream.open(`${at}/v1/order-summary?fields=orderId`)
    await expect.poll(() => stream.of('reset').length, { timeout: 10_000 }).toBe(1)
    await store.execute(Order, 'live', 'place', orderOf(1) as never)
    await expect
      .poll(() => stream.of('row').map(({ data }) => data), { timeout: 10_000 })
      .toEqual([{ orderId: 'live' }])
    const row = await apps.elsewhere.inject({ url: '/v1/order-summary/live' })
    // The log is not where the row is read.
    expect([row.statusCode, row.headers['tidemark-stream-version']]).toEqual([200, undefined])
    stream.close()
  })

  test('tokens of an epoch that is over are refused', async () => {
    const placed = await apps.here.inject({ method: 'POST', url: '/v1/order/old/place', payload: orderOf(1) })
    const token = String(placed.headers['consistency-token'])
    await store.newEpoch({ reason: 'a test' })
    const statusWith = async () => {
      const headers = { 'consistency-token': token, prefer: 'wait=0' }
      return (await apps.elsewhere.inject({ url: '/v1/order-summary/old', headers })).statusCode
    }
    // What is known of the epoch may be some seconds old.
    await expect.poll(statusWith, { timeout: 20_000, interval: 200 }).toBe(409)
    // So is what the process knows that makes the token.
    let count = 0
    const statusOfNext = async () => {
      const id = `new-${++count}`
      const next = await apps.here.inject({ method: 'POST', url: `/v1/order/${id}/place`, payload: orderOf(1) })
      const headers = { 'consistency-token': String(next.headers['consistency-token']), prefer: 'wait=5' }
      return (await apps.elsewhere.inject({ url: `/v1/order-summary/${id}`, headers })).statusCode
    }
    await expect.poll(statusOfNext, { timeout: 20_000, interval: 200 }).toBe(200)
  })
})
