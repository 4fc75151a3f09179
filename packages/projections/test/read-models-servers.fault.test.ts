import { createEventStore } from '@tidemark/eventstore'
import { databaseTemplate } from '@tidemark/migrations'
import { startEmbeddedPostgres, type EmbeddedPostgres } from '@tidemark/test-servers'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createProjector, readModelsIn } from '../src/index.js'
import { customerTotals } from './order.js'
import { place, rowsOf } from './order-log.js'
import { readModelSchema, useReadModelDatabase } from './read-model-database.js'

describe('read models and a log on two servers', { timeout: 240_000 }, () => {
  const readDatabase = useReadModelDatabase()
  let server: EmbeddedPostgres
  beforeAll(async () => {
    server = await startEmbeddedPostgres()
    await databaseTemplate.prepare(server.url)
  }, 120_000)
  afterAll(() => server.close())

  test('the server of the log crashes again and again: no event is lost, and none is there twice', async () => {
    const pool = new pg.Pool({ connectionString: server.url })
    // The server ends while connections of a pool that was closed say goodbye.
    pool.on('error', () => undefined)
    const store = createEventStore(pool, { pollIntervalMs: 50 })
    const readModels = await readModelsIn(store, readDatabase.pool, { schema: readModelSchema })
    const projector = createProjector(readModels, [customerTotals], { leaseMs: 1000, watchIntervalMs: 50 })
    await projector.start()
    let going = true
    const appenders = [0, 1, 2, 3].map(async (appender) => {
      for (let n = 0; going; n++) {
        await place(store, `o-${appender}-${n}`, { customerId: `c-${n % 7}`, total: 1 })
        // Positions that are taken in vain.
        if (n % 5 === 0)
          await place(store, `o-${appender}-${n}`, { customerId: 'c-0', total: 1 }).catch(() => undefined)
      }
    })
    for (let round = 0; round < 5; round++) {
      await new Promise((resolve) => setTimeout(resolve, 500))
      await server.stop('immediate')
      await server.start()
    }
    going = false
    await Promise.all(appenders)
    const { position } = await readModels.head()
    expect(await projector.waitFor('customer-totals', position, { timeoutMs: 60_000 })).toBe('reached')
    const { rows } = await pool.query<{ customer: string; orders: number }>(
      `select data ->> 'customerId' as customer, count(*)::int as orders from tidemark.events group by 1 order by 1`,
    )
    const seen = await rowsOf(readModels, customerTotals)
    expect(seen.map(({ customerId, orders }) => ({ customer: customerId, orders }))).toEqual(rows)
    await projector.stop()
    await store.close()
    await pool.end()
  })
})
