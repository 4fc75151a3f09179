import { databaseTemplate, migrate, rolesOf } from '@tidemark/migrations'
import { createTestDatabase, type TestDatabase } from '@tidemark/test-servers'
import pg from 'pg'
import { afterAll, beforeAll } from 'vitest'

type Role = keyof ReturnType<typeof rolesOf> | 'superuser'

/** A database with tenancy for a test file; pools have the role that is asked for, behind a pooler too. */
export function useTenantDatabase(): {
  readonly database: TestDatabase
  /** The writer's: what the application has. */
  readonly pool: pg.Pool
  /** Connected directly, as another role. */
  poolOf(role: Role, config?: pg.PoolConfig): pg.Pool
} {
  let database: TestDatabase | undefined
  let pool: pg.Pool | undefined
  const pools: pg.Pool[] = []
  const poolOf = (role: Role, config: pg.PoolConfig = {}) => {
    const name = role === 'superuser' ? 'none' : rolesOf('tidemark')[role]
    const made = new pg.Pool({ connectionString: database!.directUrl, options: `-c role=${name}`, ...config })
    // The database is dropped while the last connections are still closing.
    made.on('connect', (client) => client.on('error', () => undefined))
    made.on('error', () => undefined)
    pools.push(made)
    return made
  }
  beforeAll(async () => {
    database = await createTestDatabase({ template: databaseTemplate })
    await migrate(database.directUrl, { tenancy: true })
    // Every session of the database that does not say otherwise is a writer's.
    await poolOf('superuser').query(
      `do $$ begin execute format('alter role %I in database %I set role = tidemark_writer', session_user, current_database()); end $$`,
    )
    pool = database.createPool()
  })
  afterAll(async () => {
    await Promise.all(pools.filter((made) => !made.ended).map((made) => made.end()))
    await database?.drop()
  })
  return {
    get database() {
      return database!
    },
    get pool() {
      return pool!
    },
    poolOf,
  }
}
