import { checkSchema, MigrationError } from '@tidemark/migrations'
import { translateDatabaseError } from '@tidemark/eventstore'
import pg from 'pg'
import type { Settings } from '../config/resolve-settings.js'
import { SurroundingError } from '../errors.js'
import { connectionProblem } from './connection-problem.js'

const connectTimeoutMs = 5000

/**
 * The database that the settings name.
 *
 * @throws {SurroundingError} they name none.
 */
export function requireDatabase({ database }: Settings): NonNullable<Settings['database']> {
  if (database) return database
  throw new SurroundingError('no database is named: set DATABASE_URL, or run `tidemark dev` in another terminal')
}

/**
 * Connects once, to say at the start what is wrong.
 *
 * @throws {SurroundingError} it cannot be reached, or does not let us in.
 */
export async function connect(settings: Settings): Promise<pg.Client> {
  const { url, from } = requireDatabase(settings)
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: connectTimeoutMs,
    application_name: 'tidemark',
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return client
  } catch (cause) {
    await client.end().catch(() => undefined)
    throw connectionProblem(cause, url, from)
  }
}

/**
 * Opens a pool on a database whose schema fits this code.
 *
 * @throws {SurroundingError} it cannot be reached. @throws {SchemaTooOldError} @throws {SchemaTooNewError}
 */
export async function openPool(settings: Settings, max = 10): Promise<pg.Pool> {
  const client = await connect(settings)
  try {
    await checkSchema(client, settings.schema)
  } catch (error) {
    throw error instanceof MigrationError ? error : translateDatabaseError(error)
  } finally {
    await client.end()
  }
  const pool = new pg.Pool({
    connectionString: requireDatabase(settings).url,
    max,
    connectionTimeoutMillis: connectTimeoutMs,
    application_name: 'tidemark',
  })
  // The pool replaces what breaks; the next statement says so if it cannot.
  pool.on('error', () => undefined)
  return pool
}
