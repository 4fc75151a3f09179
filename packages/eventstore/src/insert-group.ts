import type { Pool } from 'pg'
import { on, type Database } from './database.js'
import { failpoint } from './failpoint.js'
import { isConcerned, withEffects, type EffectsOfStore } from './inline-effects.js'
import { insertEvents, type StoredPart, type StreamAppend } from './sql/insert-events.js'
import { inTransaction } from './transaction.js'

/** How long a group waits for a stranger's lock before its appends go on apart. */
const lockTimeoutMs = 50

/**
 * Stores the parts of a group: by one statement, or in a transaction with the effects that any of them has.
 *
 * The result has the parts that were stored. @throws {EffectsFailed} nothing was stored.
 */
export function insertGroup(
  database: Database,
  pool: Pool,
  effects: EffectsOfStore | undefined,
  parts: readonly StreamAppend[],
): Promise<ReadonlyMap<string, StoredPart>> {
  const concerned = effects ? parts.filter((part) => isConcerned(effects, part)) : []
  if (!effects || concerned.length === 0) return insertEvents(database, parts, { lockTimeoutMs })
  return inTransaction(pool, async (client) => {
    const inside = on(database, client)
    const insert = () => insertEvents(inside, parts, { lockTimeoutMs, tellTimes: true })
    const stored = await withEffects(effects, inside, concerned, insert)
    await failpoint?.('append.before-commit')
    return stored
  })
}
