import { createEventStore, type EventStore } from '@tidemark/eventstore'
import type { FastifyInstance } from 'fastify'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { ApiConfigurationError, createServer, type AdminOptions } from '../../src/index.js'
import { deleteEndedOperations } from '../../src/admin/sql/delete-ended-operations.js'
import { Order, orderSummary } from '../order.js'
import { useStoreDatabase } from '../store-database.js'
import { AdminClient, authentication, type Json } from './admin-server.js'

const day = 24 * 60 * 60_000

describe('operations that have ended', () => {
  const database = useStoreDatabase()
  let store: EventStore
  const apps: FastifyInstance[] = []
  beforeAll(() => {
    store = createEventStore(database.pool, { listen: false })
  })
  afterEach(async () => {
    vi.useRealTimers()
    await Promise.all(apps.splice(0).map((app) => app.close()))
  })
  afterAll(() => store.close())

  const serve = async (options: Partial<AdminOptions> = {}) => {
    const app = createServer({
      ...{ store, aggregates: [Order], projections: [orderSummary], authentication },
      admin: { operationPollMs: 20, ...options },
    })
    apps.push(app)
    await app.ready()
    return new AdminClient(() => app)
  }
  /** Of a kind that nobody here runs; days are counted back from now. */
  const insert = async (target: string, status: string, createdDays: number, endedDays: number | null, count = 1) => {
    await database.pool.query(
      `insert into tidemark.operations (id, kind, target, input, audited, requested_by, reason, status, created_at, ended_at)
       select gen_random_uuid(), 'of-a-test', $1 || n, '{}', true, 'ann', 'a test', $2, now() - $3 * interval '1 day', now() - $4 * interval '1 day'
         from generate_series(1, $5) n`,
      [target, status, createdDays, endedDays, count],
    )
  }
  const targets = async () => {
    const { rows } = await database.pool.query<{ target: string }>('select target from tidemark.operations order by 1')
    return rows.map(({ target }) => target)
  }
  const until = (expected: readonly string[]) =>
    vi.waitFor(async () => expect(await targets()).toEqual(expected), { timeout: 20_000 })

  test('are removed 30 days later, however many; none that is young, or has not ended', async () => {
    for (const status of ['done', 'failed', 'cancelled']) await insert(`old ${status} `, status, 31, 30.1)
    await insert('many ', 'done', 50, 40, 250)
    await insert('young ', 'done', 31, 29.9)
    await insert('long ', 'failed', 400, 1)
    await insert('running ', 'running', 400, null)
    await insert('pending ', 'pending', 400, null)
    // Whatever the clock of this process says.
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60 * day })
    await serve()
    await until(['long 1', 'pending 1', 'running 1', 'young 1'])
  })

  test('are removed earlier where that is wanted, and stay in the audit', async () => {
    const client = await serve()
    const { body } = await client.post('/projections/order-summary/resume', { reason: 'a test wants it' })
    await database.pool.query(`update tidemark.operations set ended_at = now() - interval '1 day' where id = $1`, [
      body.id,
    ])
    const other = await serve({ operationRetentionMs: day / 2 })
    await until(['pending 1', 'running 1'])
    expect((await other.get(`/operations/${body.id}`)).status).toBe(404)
    const entries = (await other.get('/audit')).body.data.filter(({ operationId }: Json) => operationId === body.id)
    expect(entries.map(({ outcome }: Json) => outcome)).toEqual(['done', 'requested'])
  })

  test.each(['tidemark_writer', 'tidemark_projector'])('may be removed by the role %s', async (role) => {
    await insert('old ', 'done', 40, 31)
    const pool = new pg.Pool({ connectionString: database.directUrl, options: `-c role=${role}` })
    const limited = createEventStore(pool, { listen: false })
    expect(await deleteEndedOperations(limited.database, 30 * day, 100)).toBe(1)
    await limited.close()
    await pool.end()
  })

  test('are not kept for a time that is none', async () => {
    for (const operationRetentionMs of [0, -1, 1.5, Number.NaN])
      await expect(serve({ operationRetentionMs })).rejects.toThrow(ApiConfigurationError)
  })
})
