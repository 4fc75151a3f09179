import type { Pool } from 'pg'

/**
 * Whether a pool's URL says that a transaction pooler stands between, by `?pgbouncer=true`.
 *
 * Hosts of Postgres hand such URLs out, and the driver ignores the parameter. Behind such a pooler each transaction may meet another
 * session: what was prepared is not there, and what is listened to is not heard.
 */
export function isBehindPooler(pool: Pool): boolean {
  const { connectionString } = pool.options
  const query = connectionString?.split('?', 2)[1]
  return new URLSearchParams(query).get('pgbouncer') === 'true'
}
