import type { ClientBase } from 'pg'
import { resolveLosers, storedResult, type AppendResult } from './append-outcome.js'
import { appendToStreamsInTransaction } from './append-to-streams.js'
import { on, type Database } from './database.js'
import { DatabaseError } from './errors.js'
import { isConcerned, type EffectsOfStore } from './inline-effects.js'
import { insertEvents, type StreamAppend } from './sql/insert-events.js'

const maxRaces = 10

/**
 * Appends to one stream within the caller's own transaction, which stays usable after a conflict.
 *
 * Nothing is grouped and no lock time is set: waiting and retrying are the caller's to decide.
 */
export async function appendInTransaction(
  database: Database,
  transaction: ClientBase,
  part: StreamAppend,
  effects: EffectsOfStore | undefined,
): Promise<AppendResult> {
  if (part.events.length > 1 || isConcerned(effects, part)) {
    // An id of a later event may be taken, which fails the statement, or an effect fails: only a savepoint can undo that.
    const [result] = await appendToStreamsInTransaction(database, transaction, [part], effects)
    if (result) return result
  }
  const inside = on(database, transaction)
  for (let race = 0; race < maxRaces; race++) {
    const stored = (await insertEvents(inside, [part])).get(part.streamId)
    if (stored) return storedResult(part.streamId, part.events, stored)
    const [outcome] = await resolveLosers(inside, [part])
    if (outcome === undefined || outcome === 'try-again') continue
    if ('error' in outcome) throw outcome.error
    return outcome.result
  }
  throw new DatabaseError(
    'serialization',
    undefined,
    `the append to stream "${part.streamId}" lost ${maxRaces} races in a row: run it again`,
    {},
  )
}
