import { databaseTemplate } from '@tidemark/migrations'
import { createTestDatabase } from '@tidemark/test-servers'
import pg from 'pg'
import { afterAll, beforeAll } from 'vitest'

/** A migrated database of its own for a test file, with a pool; both are gone after the file. */
export function useStoreDatabase(options: pg.PoolConfig = {}): {
  readonly pool: pg.Pool
  readonly url: string
  /** Past a pooler, for what belongs to a session: LISTEN, settings, prepared transactions, many open transactions. */
  readonly directUrl: string
} {
  const state: { pool?: pg.Pool; url?: string; directUrl?: string; drop?: () => Promise<void> } = {}
  beforeAll(async () => {
    const made = await createTestDatabase({ template: databaseTemplate })
    state.url = made.url
    state.directUrl = made.directUrl
    state.drop = () => made.drop()
    state.pool = new pg.Pool({ connectionString: made.url, ...options })
    // Tests end backends on purpose; the pool's errors are theirs to look at.
    state.pool.on('error', () => undefined)
  })
  afterAll(async () => {
    await state.pool?.end()
    await state.drop?.()
  })
  return {
    get pool() {
      return state.pool!
    },
    get url() {
      return state.url!
    },
    get directUrl() {
      return state.directUrl!
    },
  }
}
