import type { ProjectionStore } from '@tidemark/projections'
import pg from 'pg'

export interface ReadPoolOptions {
  /** How many connections reads may take; 4 unless said. */
  readonly max: number
  /** How long one query may take before Postgres ends it. */
  readonly statementTimeoutMs: number
}

/**
 * A pool for reads on the database of the read models: queries by callers never take the connections of writers, are read-only, and
 * end in time. All of that is set when a connection starts, so that a query costs one round trip.
 */
export function createReadPool(
  { pool }: Pick<ProjectionStore, 'pool'>,
  { max, statementTimeoutMs }: ReadPoolOptions,
): pg.Pool {
  // A pool hides its password from enumeration, so that a spread alone would lose it.
  const { options, password } = { options: pool.options, password: pool.options.password }
  const readPool = new pg.Pool({
    ...options,
    ...(password !== undefined && { password }),
    max,
    min: 0,
    connectionTimeoutMillis: statementTimeoutMs,
    statement_timeout: statementTimeoutMs,
    options: [options.options, '-c default_transaction_read_only=on'].filter(Boolean).join(' '),
    application_name: 'tidemark-api',
  })
  // An idle connection that breaks must not end the program: the pool replaces it at the next use.
  readPool.on('error', () => undefined)
  return readPool
}
