import { startEmbeddedPostgres, type EmbeddedPostgres } from '@tidemark/test-servers'
import { databaseTemplate } from '@tidemark/migrations'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEventStore } from '../src/index.js'

describe('a prepared transaction', () => {
  let postgres: EmbeddedPostgres
  let pool: pg.Pool
  beforeAll(async () => {
    postgres = await startEmbeddedPostgres({ settings: { max_prepared_transactions: '5' } })
    await databaseTemplate.prepare(postgres.url)
    pool = new pg.Pool({ connectionString: postgres.url })
    // Its server may end before the last connection has.
    pool.on('error', () => undefined)
  })
  afterAll(async () => {
    await pool.end()
    await postgres.close()
  })

  test('holds the head although no process has its lock', async () => {
    const store = createEventStore(pool, { listen: false })
    const insert = `insert into tidemark.events (stream_id, version, id, schema_version, type, data, metadata)
      values ('p-1', 1, gen_random_uuid(), 1, 'T', '{}', '{}')`
    const client = await pool.connect()
    await client.query('begin')
    await client.query(insert)
    await client.query("prepare transaction 'held'")
    client.release()
    expect(await store.head()).toEqual({ position: 0n, lastPosition: 1n, heldBackByPid: undefined })
    await pool.query("commit prepared 'held'")
    expect(await store.head()).toEqual({ position: 1n, lastPosition: 1n, heldBackByPid: undefined })
    await store.close()
  })
})
