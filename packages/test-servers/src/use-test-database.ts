import type pg from 'pg'
import { afterAll, beforeAll } from 'vitest'
import { createTestDatabase, type TestDatabase } from './postgres/create-test-database.js'
import type { DatabaseTemplate } from './postgres/test-databases.js'

/** A database of a test file, there from its first test on. */
export interface UsedTestDatabase {
  readonly pool: pg.Pool
  readonly url: string
  /** Past a pooler, for what belongs to a session: LISTEN, settings, prepared transactions, many open transactions. */
  readonly directUrl: string
}

/**
 * A database of its own for a test file, made from a template, with a pool; both are gone after the file.
 *
 * @example
 * const database = useTestDatabase(databaseTemplate)
 * test('is empty', async () => {
 *   expect((await database.pool.query('select from tidemark.events')).rows).toEqual([])
 * })
 */
export function useTestDatabase(template: DatabaseTemplate, options: pg.PoolConfig = {}): UsedTestDatabase {
  let made: TestDatabase | undefined
  let pool: pg.Pool | undefined
  beforeAll(async () => {
    made = await createTestDatabase({ template })
    pool = made.createPool(options)
  })
  afterAll(() => made?.drop())
  const started = <T>(what: T | undefined): T => {
    if (what === undefined) throw new Error('the database of this test file is there from its first test on')
    return what
  }
  return {
    get pool() {
      return started(pool)
    },
    get url() {
      return started(made).url
    },
    get directUrl() {
      return started(made).directUrl
    },
  }
}
