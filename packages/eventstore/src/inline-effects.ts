import type { Database } from './database.js'
import { DatabaseError } from './errors.js'
import type { EventMetadata, RecordedEvent } from './event.js'
import type { StoredPart, StreamAppend } from './sql/insert-events.js'
import { partsOf } from './stream-id.js'
import type { StreamStore } from './stream-store.js'

/** What appends do besides storing events, in the same transaction: the option `inline` of a store, made by packages that build on it. */
export interface InlineEffects {
  /** Called once for each store; nothing is read or written yet. */
  attach(store: StreamStore): EffectsOfStore
}

/** The effects of appends to one store. */
export interface EffectsOfStore {
  /** Whether an event has effects. An append in which none has is stored as it would be without them. */
  concerns(streamId: string, type: string): boolean
  /**
   * Called before every append that is concerned; whatever it throws fails the append. Does nothing once all is ready.
   *
   * `withinTransaction`, the caller has one open, whose events nobody else sees: what would wait for its end is refused.
   */
  prepare(when: { readonly withinTransaction: boolean }): Promise<void>
  /**
   * Called in the transaction before its events are inserted, and gives what is called with them afterwards.
   *
   * All that it reads and writes goes through `transaction`, whose group may be tried again.
   */
  enter(transaction: Database): Promise<ApplyEffects>
}

/** Takes the events that were just stored, those of a stream in order, with their data in clear. Whatever it throws undoes the append. */
export type ApplyEffects = (events: readonly RecordedEvent[]) => Promise<void>

/** Carries what effects threw through the error handling of appends, which must not take it for a failure of its own. */
export class EffectsFailed extends Error {
  constructor(cause: unknown) {
    super('the effects of an append failed', { cause })
  }
}

/** What a caller is told: the error of the effects itself. */
export function withoutWrapping(error: unknown): unknown {
  return error instanceof EffectsFailed ? error.cause : error
}

/** Whether any event of an append has effects. */
export function isConcerned(
  effects: EffectsOfStore | undefined,
  { streamId, events }: StreamAppend,
): effects is EffectsOfStore {
  return effects !== undefined && events.some(({ type }) => effects.concerns(streamId, type))
}

/**
 * Inserts parts by `insert`, and applies their effects in the same transaction. The parts that lost have none.
 *
 * @throws {EffectsFailed} nothing may be kept of the transaction, or of its savepoint.
 */
export async function withEffects(
  effects: EffectsOfStore,
  transaction: Database,
  parts: readonly StreamAppend[],
  insert: () => Promise<ReadonlyMap<string, StoredPart>>,
): Promise<ReadonlyMap<string, StoredPart>> {
  const apply = await orEffectsFailed(effects.enter(transaction))
  const stored = await insert()
  const events = parts.flatMap((part) => {
    const place = stored.get(part.streamId)
    return place ? recordedEvents(part, place).filter(({ type }) => effects.concerns(part.streamId, type)) : []
  })
  if (events.length > 0) await orEffectsFailed(apply(events))
  return stored
}

async function orEffectsFailed<Result>(effects: Promise<Result>): Promise<Result> {
  try {
    return await effects
  } catch (error) {
    throw error instanceof DatabaseError && error.retryable ? error : new EffectsFailed(error)
  }
}

/** Events as they will be read, their data in clear. */
function recordedEvents({ streamId, events }: StreamAppend, stored: StoredPart): RecordedEvent[] {
  const { category, aggregateId } = partsOf(streamId)
  return events.map(({ id, type, schemaVersion, data, plain, metadata }, index) => ({
    position: stored.positions[index] ?? 0n,
    id,
    streamId,
    category,
    aggregateId,
    version: stored.firstVersion + BigInt(index),
    type,
    schemaVersion,
    data: JSON.parse(plain ?? data) as unknown,
    metadata: JSON.parse(metadata) as EventMetadata,
    recordedAt: new Date((stored.recordedAt[index] ?? 0) * 1000),
  }))
}
