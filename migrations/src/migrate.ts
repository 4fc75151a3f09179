import { migrate as applyFiles } from 'postgres-migrations'
import { Client, type ClientBase, type ClientConfig, type QueryConfig } from 'pg'
import {
  MigrationError,
  MigrationLockedError,
  ReadModelsOnlyRefusedError,
  SchemaTooNewError,
  TenancyRefusedError,
} from './errors.js'
import { grantRoles, hasTenancy } from './grant-roles.js'
import { latestMigration, migrationsDirectory } from './migration-files.js'
import { checkSchemaName, defaultSchema, readSchemaOf } from './schema-name.js'

export interface MigrateOptions {
  /** The schema of the store, `tidemark` unless named. */
  readonly schema?: string
  /** How long a statement may wait for a lock before it gives way to the others, 2,000 ms unless said. */
  readonly lockTimeoutMs?: number
  /** How often a migration that met a lock is tried, 15 times unless said. */
  readonly tries?: number
  /** Gives every stream to a tenant, whom the database keeps apart; only while the log is empty, and for good. Left as it is unless said. */
  readonly tenancy?: boolean
  /** Makes it a database for the read models of a log that is in another one: nobody can append here. Only while it is empty, and for good. Left as it is unless said. */
  readonly readModelsOnly?: boolean
  readonly log?: (message: string) => void
}

export interface MigrateResult {
  /** The migrations that this call applied, in order; empty when there was nothing to do. */
  readonly applied: readonly { readonly id: number; readonly name: string }[]
  /** The migration that the schema is at now. */
  readonly version: number
  /** Group roles that do not exist and that the migrator may not create. */
  readonly missingRoles: readonly string[]
  /** Whether streams belong to tenants. */
  readonly tenancy: boolean
}

/**
 * Brings the schema of a store to the newest migration.
 *
 * Safe to call again and by many processes at once: one applies, the others wait and find nothing to do. The client must be
 * connected directly to Postgres, not through a transaction pooler, for the lock belongs to the session. Needs CREATE on the
 * database, and CREATEROLE only where the group roles do not exist yet; never superuser.
 *
 * @throws {SchemaTooNewError} the database was migrated by newer code.
 * @throws {MigrationLockedError} a table stayed locked through all tries.
 * @throws {MigrationError} a migration failed; it was rolled back, the ones before it stay.
 * @throws {TenancyRefusedError} tenancy was asked for, and the log has events.
 * @throws {ReadModelsOnlyRefusedError} it was to have read models only, and has or had a log.
 *
 * @param connection a URL or settings, to connect with for as long as it takes, or a client that is connected.
 *
 * @example
 * const { applied, version } = await migrate('postgres://localhost/shop')
 */
export async function migrate(
  connection: string | ClientConfig | Client,
  options: MigrateOptions = {},
): Promise<MigrateResult> {
  if (connection instanceof Client) return migrateWith(connection, options)
  const client = new Client(connection)
  await client.connect()
  try {
    return await migrateWith(client, options)
  } finally {
    await client.end()
  }
}

async function migrateWith(client: Client, options: MigrateOptions): Promise<MigrateResult> {
  const schema = checkSchemaName(options.schema ?? defaultSchema)
  const tries = options.tries ?? 15
  for (let attempt = 1; ; attempt++) {
    try {
      return await withMigrationLock(client, schema, () => applyUnderLock(client, schema, options))
    } catch (error) {
      if (!isLockTimeout(error)) throw error
      if (attempt >= tries) throw new MigrationLockedError(schema, tries, error)
      options.log?.(`a table is locked by somebody else, trying again (${attempt} of ${tries})`)
      await new Promise((resolve) => setTimeout(resolve, 100 * Math.min(attempt, 10) * (0.5 + Math.random())))
    }
  }
}

async function applyUnderLock(client: Client, schema: string, options: MigrateOptions): Promise<MigrateResult> {
  await client.query(`create schema if not exists ${schema}; create schema if not exists ${readSchemaOf(schema)}`)
  await client.query(`set search_path = ${schema}, pg_temp; set lock_timeout = ${options.lockTimeoutMs ?? 2000}`)
  try {
    // postgres-migrations takes any table of this name in any schema for its own, so its table must be there first.
    await client.query(
      `create table if not exists ${schema}.migrations
         (id integer primary key, name varchar(100) unique not null, hash varchar(40) not null, executed_at timestamp default current_timestamp)`,
    )
    const version = await migrationVersion(client, schema)
    if (version > latestMigration) throw new SchemaTooNewError(schema, version, latestMigration)
    const applied = await applyKeepingCause(client, options.log)
    if (options.tenancy === true) await enableTenancy(client, schema)
    if (options.readModelsOnly === true) await keepReadModelsOnly(client, schema)
    const missingRoles = await grantRoles(client, schema)
    return { applied, version: latestMigration, missingRoles, tenancy: await hasTenancy(client, schema) }
  } finally {
    await client.query('reset search_path; reset lock_timeout')
  }
}

async function enableTenancy(client: Client, schema: string): Promise<void> {
  const { rows } = await client.query<{ enabled: boolean }>(`select ${schema}.enable_tenancy() as enabled`)
  if (rows[0]?.enabled !== true) throw new TenancyRefusedError(schema)
}

async function keepReadModelsOnly(client: Client, schema: string): Promise<void> {
  const { rows } = await client.query<{ kept: boolean }>(`select ${schema}.keep_read_models_only() as kept`)
  if (rows[0]?.kept !== true) throw new ReadModelsOnlyRefusedError(schema)
}

/** postgres-migrations keeps only the text of an error; the driver's error is kept here as the cause. */
async function applyKeepingCause(client: Client, log: MigrateOptions['log']) {
  let driverError: unknown
  const recording = {
    query: (statement: string | QueryConfig) =>
      client.query(statement).catch((error: unknown) => {
        driverError ??= error
        throw error
      }),
  } as unknown as Client
  try {
    const applied = await applyFiles({ client: recording }, migrationsDirectory, log ? { logger: log } : {})
    return applied.filter(({ id }) => id > 0).map(({ id, name }) => ({ id, name }))
  } catch (error) {
    throw new MigrationError(error instanceof Error ? error.message : String(error), { cause: driverError ?? error })
  }
}

/** The number of the newest migration in the database; 0 where the schema was never migrated. */
export async function migrationVersion(client: Pick<ClientBase, 'query'>, schema = defaultSchema): Promise<number> {
  const table = `${checkSchemaName(schema)}.migrations`
  const { rows: found } = await client.query<{ found: boolean }>('select to_regclass($1) is not null as found', [table])
  if (found[0]?.found !== true) return 0
  const { rows } = await client.query<{ version: number | null }>(`select max(id) as version from ${table}`)
  return rows[0]?.version ?? 0
}

/** A lock of the session, so it outlives the transactions of the single migrations; a key of our own per schema. */
async function withMigrationLock<T>(client: Client, schema: string, work: () => Promise<T>): Promise<T> {
  const key = `tidemark migrations of ${schema}`
  await client.query('select pg_advisory_lock(hashtextextended($1, 0))', [key])
  try {
    return await work()
  } finally {
    await client.query('select pg_advisory_unlock(hashtextextended($1, 0))', [key])
  }
}

function isLockTimeout(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('code' in cause && cause.code === '55P03') return true
  }
  return false
}
