import type { Pool, PoolClient } from 'pg'
import { translateDatabaseError } from './postgres-errors.js'

/**
 * Runs `work` in a transaction of its own and commits it; any error rolls back and is thrown on.
 *
 * A failure of the connection, BEGIN or COMMIT comes as a `DatabaseError`. READ COMMITTED whatever the server's default is. A connection that broke, or
 * whose COMMIT or ROLLBACK failed, is never given back to the pool: later statements on it could run outside a transaction.
 */
export function inTransaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  return transact(pool, work, 'commit')
}

/**
 * Runs `work` in a transaction as {@link inTransaction} does, and rolls it back also where it succeeds: to see what would come of it.
 *
 * Constraints that are checked at COMMIT are not, unless `work` sets them immediate.
 */
export function inRolledBackTransaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  return transact(pool, work, 'rollback')
}

async function transact<T>(
  pool: Pool,
  work: (client: PoolClient) => Promise<T>,
  end: 'commit' | 'rollback',
): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    throw translateDatabaseError(error)
  })
  let broken: Error | undefined
  const onError = (error: Error) => (broken = error)
  client.on('error', onError)
  try {
    await client.query('begin isolation level read committed').catch((error: unknown) => {
      throw translateDatabaseError(error)
    })
    const result = await work(client)
    await client.query(end).catch((error: unknown) => {
      throw (broken = translateDatabaseError(error))
    })
    return result
  } catch (error) {
    if (!broken) await client.query('rollback').catch((failure: unknown) => (broken = translateDatabaseError(failure)))
    throw error
  } finally {
    client.off('error', onError)
    client.release(broken)
  }
}
