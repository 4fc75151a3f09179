import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { createEventStore, DatabaseError, type EventStoreOptions } from '../src/index.js'
import { Counter } from './counter.js'
import { useStoreDatabase } from './store-database.js'

describe('behind a transaction pooler', () => {
  const database = useStoreDatabase()

  /** How many statements a store has prepared on its only connection, after it has appended and loaded. */
  const preparedBy = async (url: string, options: EventStoreOptions = {}) => {
    const pool = new pg.Pool({ connectionString: url, max: 1 })
    const store = createEventStore(pool, { listen: false, ...options })
    await store.execute(Counter, `prepared-${crypto.randomUUID()}`, 'add', { amount: 1 })
    const { rowCount } = await pool.query('select from pg_prepared_statements')
    await store.close()
    await pool.end()
    return rowCount
  }

  // Past the pooler of this run, if there is one: what a session has prepared can only be counted in it.
  test('nothing is prepared where the URL names a pooler, or the option says so', async () => {
    expect(await preparedBy(database.directUrl)).toBeGreaterThan(0)
    expect(await preparedBy(`${database.directUrl}?pgbouncer=true`)).toBe(0)
    expect(await preparedBy(database.directUrl, { preparedStatements: false })).toBe(0)
    expect(await preparedBy(`${database.directUrl}?pgbouncer=true`, { preparedStatements: true })).toBeGreaterThan(0)
    expect(await preparedBy(`${database.directUrl}?pgbouncer=false`)).toBeGreaterThan(0)
  })

  test('nobody listens through the pooler, unless told where', async () => {
    const listeners = async (options: EventStoreOptions) => {
      const pool = new pg.Pool({ connectionString: `${database.directUrl}?pgbouncer=true` })
      const store = createEventStore(pool, options)
      store.startWakeup()
      let listening: number | null = 0
      for (let tries = 0; listening === 0 && tries < (options.listen ? 100 : 5); tries++) {
        await new Promise((resolve) => setTimeout(resolve, 100))
        const { rowCount } = await pool.query(
          `select from pg_stat_activity where datname = current_database() and query = 'listen tidemark_appended'`,
        )
        listening = rowCount
      }
      await store.close()
      await pool.end()
      return listening
    }
    expect(await listeners({})).toBe(0)
    expect(await listeners({ listen: { connectionString: database.directUrl } })).toBe(1)
  })

  test('a statement that another session prepared says what to change', async () => {
    const pool = new pg.Pool({ connectionString: database.directUrl, max: 1 })
    await pool.query('prepare "tidemark/select-head" as select 1')
    const store = createEventStore(pool, { listen: false })
    const error: unknown = await store.head().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(DatabaseError)
    expect(error).toMatchObject({ kind: 'pooler', sqlState: '42P05', retryable: false })
    expect((error as Error).message).toContain('?pgbouncer=true')
    await store.close()
    await pool.end()
  })
})
