import { randomUUID } from 'node:crypto'
import type { ClientBase, Pool } from 'pg'
import { resolveLosers, storedResult, type AppendResult, type Outcome } from './append-outcome.js'
import { on, type Database } from './database.js'
import { DatabaseError, EventIdConflictError, OutcomeUnknownError, VersionConflictError } from './errors.js'
import { failpoint } from './failpoint.js'
import { isConcerned, withEffects, withoutWrapping, type EffectsOfStore } from './inline-effects.js'
import { isUniqueViolation } from './postgres-errors.js'
import { insertEvents, type StoredPart, type StreamAppend } from './sql/insert-events.js'
import { checkType, releaseStreamChecks } from './sql/release-stream-checks.js'
import { inTransaction } from './transaction.js'

/** A part that was not stored as expected, which undoes the others. */
class LostPart extends Error {}

const maxRaces = 20

/**
 * Appends to several streams in the caller's transaction, all or nothing; a part without events is only checked.
 *
 * The work stands behind a savepoint, so the transaction stays usable after a conflict.
 */
export async function appendToStreamsInTransaction(
  database: Database,
  transaction: ClientBase,
  parts: readonly StreamAppend[],
  effects: EffectsOfStore | undefined,
): Promise<readonly AppendResult[]> {
  const inside = on(database, transaction)
  for (let race = 0; race < maxRaces; race++) {
    await transaction.query('savepoint tidemark_append')
    try {
      const results = await storeAll(inside, parts, effects)
      await transaction.query('release savepoint tidemark_append')
      return results
    } catch (error) {
      await transaction.query('rollback to savepoint tidemark_append')
      await transaction.query('release savepoint tidemark_append')
      if (!isLost(error)) throw withoutWrapping(error)
      const results = await explainLoss(inside, parts)
      if (results) return results
    }
  }
  throw lostEveryRace(parts)
}

/** The same in a transaction of its own, tried again after lost connections and deadlocks until `retryForMs` are over. */
export async function appendToStreams(
  database: Database,
  pool: Pool,
  parts: readonly StreamAppend[],
  retryForMs: number,
  effects: EffectsOfStore | undefined,
): Promise<readonly AppendResult[]> {
  const deadline = performance.now() + retryForMs
  for (;;) {
    try {
      return await inTransaction(pool, async (client) => {
        const results = await storeAll(on(database, client), parts, effects)
        await failpoint?.('append.before-commit')
        return results
      })
    } catch (error) {
      if (isLost(error)) {
        const results = await explainLoss(database, parts)
        if (results) return results
        if (performance.now() > deadline) throw lostEveryRace(parts)
      } else if (!(error instanceof DatabaseError && error.retryable)) {
        throw withoutWrapping(error)
      } else if (performance.now() > deadline) {
        throw error.kind === 'connection' || error.kind === 'shutting-down' ? outcomeUnknown(parts, error) : error
      }
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 50))
    }
  }
}

/** Whether somebody else was faster; a later event's id that is taken is told by the unique key. */
function isLost(error: unknown): boolean {
  return error instanceof LostPart || isUniqueViolation(error)
}

async function storeAll(
  database: Database,
  parts: readonly StreamAppend[],
  effects: EffectsOfStore | undefined,
): Promise<readonly AppendResult[]> {
  const placeholders: string[] = []
  const filled = parts.map((part) => {
    if (part.events.length > 0) return part
    const id = randomUUID()
    placeholders.push(id)
    return { ...part, events: [{ id, type: checkType, schemaVersion: 1, data: 'null', metadata: '{}' }] }
  })
  const concerned = parts.filter((part) => isConcerned(effects, part))
  const insert = async () => {
    const stored = await insertEvents(database, filled, { tellTimes: concerned.length > 0 })
    if (stored.size < parts.length) throw new LostPart()
    return stored
  }
  const stored =
    effects && concerned.length > 0 ? await withEffects(effects, database, concerned, insert) : await insert()
  if (placeholders.length > 0) await releaseStreamChecks(database, placeholders)
  return parts.map((part) => resultOf(part, stored.get(part.streamId)))
}

function resultOf(part: StreamAppend, stored: StoredPart | undefined): AppendResult {
  if (part.events.length > 0 && stored) return storedResult(part.streamId, part.events, stored)
  return {
    streamId: part.streamId,
    version: (stored?.firstVersion ?? 1n) - 1n,
    position: 0n,
    events: [],
    duplicate: false,
  }
}

/** Reads why a part was lost: the first outcome when all were stored before, undefined when it may be tried again, else it throws. */
async function explainLoss(
  database: Database,
  parts: readonly StreamAppend[],
): Promise<readonly AppendResult[] | undefined> {
  const outcomes = await resolveLosers(database, parts)
  const appends = outcomes.filter((_, index) => parts[index]?.events.length !== 0)
  if (appends.length > 0 && appends.every(isResult)) {
    // What the checks found then is not known any more, and need not hold now.
    return outcomes.map((outcome, index) =>
      isResult(outcome)
        ? outcome.result
        : {
            streamId: parts[index]?.streamId ?? '',
            version: versionNow(outcome),
            position: 0n,
            events: [],
            duplicate: false,
          },
    )
  }
  for (const outcome of outcomes) if (typeof outcome === 'object' && 'error' in outcome) throw outcome.error
  const stored = appends.find(isResult)?.result
  if (stored?.duplicate) {
    throw new EventIdConflictError(
      stored.streamId,
      stored.events[0]?.id ?? '',
      'without the other streams of this append',
    )
  }
  return undefined
}

function versionNow(outcome: Outcome): bigint {
  const conflict = typeof outcome === 'object' && 'error' in outcome ? outcome.error : undefined
  return conflict instanceof VersionConflictError ? conflict.actualVersion : 0n
}

function isResult(outcome: Outcome): outcome is { readonly result: AppendResult } {
  return typeof outcome === 'object' && 'result' in outcome
}

function lostEveryRace(parts: readonly StreamAppend[]): DatabaseError {
  const streams = parts.map(({ streamId }) => `"${streamId}"`).join(', ')
  return new DatabaseError('serialization', undefined, `the append to ${streams} lost every race: run it again`, {})
}

function outcomeUnknown(parts: readonly StreamAppend[], cause: DatabaseError): OutcomeUnknownError {
  const ids = parts.flatMap(({ events }) => events.map(({ id }) => id))
  return new OutcomeUnknownError(parts.map(({ streamId }) => streamId).join(', '), ids, { cause })
}
