import { migrate } from '@tidemark/migrations'
import pg from 'pg'
import { startBenchServer } from './bench-server.js'

/** A Postgres of the suite's own, with its durability as it comes: every commit is on disk. */
export interface BenchDatabase {
  readonly url: string
  readonly pool: pg.Pool
  close(): Promise<void>
}

/**
 * Starts a Postgres with the store's schema twice: `tidemark`, and `bare`, the same table and indexes with the fence off, for the yardsticks.
 *
 * With `BENCH_DATABASE_URL` an empty database of a server that is there already is used.
 */
export async function startBenchDatabase(): Promise<BenchDatabase> {
  const server = await startBenchServer()
  const pool = new pg.Pool({ connectionString: server.url, max: 40 })
  pool.on('error', () => undefined)
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  for (const schema of ['tidemark', 'bare']) await migrate(client, { schema })
  await client.query('alter table bare.events disable trigger all')
  await client.end()
  return {
    url: server.url,
    pool,
    close: async () => {
      await pool.end()
      await server.close()
    },
  }
}

/** Makes ids in SQL: in their order of time where Postgres can. */
export async function uuidFunction(client: Pick<pg.Pool, 'query'>): Promise<string> {
  const { rows } = await client.query<{ version: number }>(
    "select current_setting('server_version_num')::integer as version",
  )
  return (rows[0]?.version ?? 0) >= 180000 ? 'uuidv7()' : 'gen_random_uuid()'
}

/** Empties the logs, so that no contender works on the pages that others left. */
export async function emptyLogs(pool: pg.Pool): Promise<void> {
  await pool.query('truncate tidemark.events, bare.events, tidemark.snapshots')
}
