import { resolveLosers, storedResult, type AppendResult } from './append-outcome.js'
import type { Database } from './database.js'
import { DatabaseError } from './errors.js'
import { insertEvents, type StreamAppend } from './sql/insert-events.js'

const maxRaces = 10

/**
 * Appends to one stream within the caller's own transaction, which stays usable after a conflict.
 *
 * Nothing is grouped and no lock time is set: waiting and retrying are the caller's to decide.
 */
export async function appendInTransaction(database: Database, part: StreamAppend): Promise<AppendResult> {
  for (let race = 0; race < maxRaces; race++) {
    const stored = (await insertEvents(database, [part])).get(part.streamId)
    if (stored) return storedResult(part.streamId, part.events, stored)
    const [outcome] = await resolveLosers(database, [part])
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
