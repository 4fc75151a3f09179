import type { Pool } from 'pg'
import { on, type Database } from '../database.js'
import { ConfigurationError } from '../errors.js'
import { forgetSubject } from '../sql/subject-statements.js'
import { inTransaction } from '../transaction.js'
import type { Vault } from './vault.js'

export interface ForgetOptions {
  /** Kept with the tombstone, such as the number of the request; no personal data. */
  readonly reason: string
}

export interface ForgetResult {
  readonly subject: string
  /** The streams that hold its data; read models that were folded from them still show it until they are rebuilt. */
  readonly streamIds: readonly string[]
  /** Those of them that were truncated before: without their snapshots they cannot be loaded any more. */
  readonly unloadableStreamIds: readonly string[]
}

/** Forgets a data subject; see `EventStore.forgetSubject`. */
export async function forget(
  database: Database,
  pool: Pool,
  vault: Vault,
  subject: string,
  { reason }: ForgetOptions,
): Promise<ForgetResult> {
  if (reason.trim() === '') throw new ConfigurationError('forgetting a data subject needs a reason')
  const streams = await inTransaction(pool, async (client) => {
    const forgotten = await forgetSubject(on(database, client), subject, reason)
    await vault.keys.delete(subject, client)
    return forgotten
  })
  vault.drop(subject)
  return {
    subject,
    streamIds: streams.map(({ streamId }) => streamId),
    unloadableStreamIds: streams.filter(({ truncated }) => truncated).map(({ streamId }) => streamId),
  }
}
