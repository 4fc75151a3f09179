import { databaseTemplate, migrate } from '@tidemark/migrations'
import { createTestDatabase } from '@tidemark/test-servers'
import pg from 'pg'
import { afterAll, beforeAll } from 'vitest'

/** Not the log's, so that whatever mixes them up meets a schema that is not there. */
export const readModelSchema = 'reads'

const template = {
  name: 'tidemark_read_models',
  contentHash: databaseTemplate.contentHash,
  async prepare(url: string) {
    await migrate(url, { schema: readModelSchema, readModelsOnly: true })
  },
}

/** A database of its own for the read models of a test file, and a pool; both are gone after the file. */
export function useReadModelDatabase(): { readonly pool: pg.Pool; readonly url: string; readonly directUrl: string } {
  const state: { pool?: pg.Pool; url?: string; directUrl?: string; drop?: () => Promise<void> } = {}
  beforeAll(async () => {
    const made = await createTestDatabase({ template })
    state.url = made.url
    state.directUrl = made.directUrl
    state.drop = () => made.drop()
    state.pool = new pg.Pool({ connectionString: made.url })
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
