import pg from 'pg'
import { urlOfDatabase } from './admin-client.js'
import { createDatabase, dropTestDatabase, type DatabaseTemplate, type TestDatabaseServer } from './test-databases.js'

/** A database that one test file has to itself. */
export interface TestDatabase {
  readonly name: string
  /** What the tests connect to; with an external server this may lead through a pooler. */
  readonly url: string
  /** A connection without a pooler. */
  readonly directUrl: string
  /** A pool on this database; `drop` ends it. */
  createPool(config?: pg.PoolConfig): pg.Pool
  /** Ends the pools and drops the database, whoever else is in it; safe to call again. */
  drop(): Promise<void>
}

/** Where the database is made, and what it starts with. */
export interface TestDatabaseOptions {
  /** Default: an empty database. */
  readonly template?: DatabaseTemplate
  /** Default: the Postgres of this vitest run, as `@tidemark/test-servers/global-setup` provides it. */
  readonly server?: TestDatabaseServer
}

async function serverOfRun(): Promise<TestDatabaseServer> {
  // Loaded only here: vitest refuses to be imported outside of a test.
  const { inject } = await import('vitest')
  return { url: inject('postgresUrl'), directUrl: inject('postgresDirectUrl'), runId: inject('postgresRunId') }
}

/**
 * Creates a database for one test file, in about 50 ms from a template that is prepared once per run.
 *
 * Names are unique, so files, projects and whole runs may share a server.
 *
 * @example
 * const database = await createTestDatabase({ template: { name: 'migrated', contentHash, prepare: migrate } })
 * const pool = database.createPool()
 * afterAll(() => database.drop())
 */
export async function createTestDatabase({ template, server }: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const { url, directUrl, runId } = server ?? (await serverOfRun())
  const name = await createDatabase({ url, directUrl, runId }, template)
  const pools = new Set<pg.Pool>()
  return {
    name,
    url: urlOfDatabase(url, name),
    directUrl: urlOfDatabase(directUrl, name),
    createPool(config = {}) {
      const pool = new pg.Pool({ connectionString: urlOfDatabase(url, name), ...config })
      // Idle connections break when a test kills the server; the next query says so.
      pool.on('error', () => undefined)
      pools.add(pool)
      return pool
    },
    async drop() {
      const ending = [...pools].filter((pool) => !pool.ended).map((pool) => pool.end())
      pools.clear()
      // A test that failed may never give its client back, and the pool would wait for it.
      await Promise.race([Promise.all(ending), new Promise((resolve) => setTimeout(resolve, 2000).unref())])
      await dropTestDatabase(directUrl, name)
    },
  }
}
