import type { Database } from '@tidemark/eventstore'
import { backoffMs } from './backoff.js'
import type { ConsumedEvent } from './decode-record.js'
import type { ConsumerDefinition } from './define-consumer.js'
import { CauseMissingError } from './errors.js'
import { selectInboxIds } from './sql/inbox-statements.js'

/** Which event has to be handled before another one. Topics and partitions keep no order among each other, so the second may come first. */
export interface Causes {
  /** The id of the event that an event follows from, of the same source; undefined when it need not wait. It must be one that this consumer handles. */
  readonly of: (event: ConsumedEvent) => string | undefined
  /** How long an event waits at most; 30,000 ms unless said. */
  readonly waitMs?: number
  /** What becomes of one that has waited for so long: `handle` it all the same, or send it to the dead letters. `handle` unless said. */
  readonly otherwise?: 'handle' | 'dead-letter'
}

/** For how long a record has waited for its cause, and how often somebody looked. */
export interface Waiting {
  /** By `performance.now()`. */
  readonly since: number
  readonly looks: number
}

const pauses = { initialDelayMs: 50, maxDelayMs: 1000 }

/**
 * Looks whether an event may be handled: it or its cause was, or it has waited for long enough.
 *
 * The inbox knows, so that a cause that another member has handled counts.
 *
 * @returns after how many milliseconds to look again; 0 when it may be handled now.
 * @throws {CauseMissingError} it has waited for long enough, and is not to be handled without its cause.
 */
export async function pauseForCause(
  database: Database,
  { name, causes }: Pick<ConsumerDefinition, 'name' | 'causes'>,
  event: ConsumedEvent,
  { since, looks }: Waiting,
): Promise<number> {
  const cause = causes?.of(event)
  if (!causes || cause === undefined) return 0
  const known = await selectInboxIds(database, name, { source: event.source, ids: [event.id, cause] })
  if (known.length > 0) return 0
  const waitedMs = performance.now() - since
  if (waitedMs < causes.waitMs) return Math.min(backoffMs(pauses, looks + 1), Math.ceil(causes.waitMs - waitedMs) + 1)
  if (causes.otherwise === 'handle') return 0
  throw new CauseMissingError(event, cause, causes.waitMs)
}
