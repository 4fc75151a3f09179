import { createServer } from '@tidemark/api'
import { createEventStore } from '@tidemark/eventstore'
import pg from 'pg'
import type { TidemarkConfig } from '../define-config.js'
import { serverOptionsOf } from '../runtime/server-options.js'

/** The OpenAPI document of a project's API, as the running server would answer at `/openapi.json`; needs no database and opens no port. */
export async function openapiDocument(config: TidemarkConfig): Promise<Record<string, unknown>> {
  // Nothing is asked of it: a pool connects at the first query.
  const pool = new pg.Pool()
  const store = createEventStore(pool, { listen: false })
  const server = createServer({ ...serverOptionsOf(config), store })
  try {
    const { body } = await server.inject({ url: '/openapi.json' })
    return JSON.parse(body) as Record<string, unknown>
  } finally {
    await server.close()
    await store.close()
    await pool.end()
  }
}
