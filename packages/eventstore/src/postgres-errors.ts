import {
  ConfigurationError,
  DatabaseError,
  EventStoreError,
  TenantRequiredError,
  type DatabaseErrorKind,
} from './errors.js'

/** The SQLSTATE of an error of the driver, or of ours that says what one meant; undefined for anything else. */
export function sqlStateOf(error: unknown): string | undefined {
  if (error instanceof DatabaseError) return error.sqlState
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  // EPIPE and its like are codes of the system.
  return typeof code === 'string' && /^(?!E[A-Z]{4})[0-9A-Z]{5}$/.test(code) ? code : undefined
}

/** Whether an error says that a key was taken. */
export function isUniqueViolation(error: unknown): boolean {
  return error instanceof DatabaseError && error.sqlState === '23505'
}

const kinds: readonly (readonly [RegExp, DatabaseErrorKind])[] = [
  [/^08|^57P0[345]/, 'connection'],
  [/^57P0[12]/, 'shutting-down'],
  [/^40001|^40P01/, 'serialization'],
  [/^55P03/, 'lock-timeout'],
  [/^57014|^25P0[34]/, 'cancelled'],
  [/^53/, 'out-of-resources'],
  [/^42501|^28/, 'permission'],
  [/^26000|^42P05/, 'pooler'],
  [/^42P01|^42703|^42883|^3F000|^3D000/, 'schema'],
]

const advice: Record<DatabaseErrorKind, string> = {
  connection: 'the connection to Postgres failed',
  'shutting-down': 'Postgres is shutting down or ended the session',
  serialization: 'Postgres ended the transaction in favour of another: run it again',
  'lock-timeout': 'a lock was not free in time: run it again',
  cancelled: 'Postgres cancelled the statement',
  'out-of-resources': 'Postgres is out of a resource',
  permission: 'the role may not do this: see the roles in the operations guide',
  schema: 'the schema does not fit this code: run `tidemark db migrate`',
  pooler:
    'a transaction pooler lost a prepared statement: add ?pgbouncer=true to the URL of the pool, or set preparedStatements: false',
  other: 'Postgres refused the statement',
}

/**
 * Turns a driver's error into a typed one, by SQLSTATE and never by its text; the driver's error stays as the cause.
 *
 * An error without SQLSTATE comes from the socket or the driver: the connection is taken as broken. Errors of this package pass.
 */
export function translateDatabaseError(error: unknown): EventStoreError {
  if (error instanceof EventStoreError) return error
  const sqlState = sqlStateOf(error)
  if (sqlState === 'TM003') return new TenantRequiredError({ cause: error })
  if (sqlState === 'TM004')
    return new ConfigurationError(
      'this database has the read models of a log that is in another one: give the store a pool on that one, and this pool to readModelsIn()',
      { cause: error },
    )
  const kind =
    sqlState === undefined ? 'connection' : (kinds.find(([pattern]) => pattern.test(sqlState))?.[1] ?? 'other')
  const detail = error instanceof Error ? error.message : String(error)
  return new DatabaseError(kind, sqlState, `${advice[kind]}${sqlState ? ` (${sqlState})` : ''}: ${detail}`, {
    cause: error,
  })
}
