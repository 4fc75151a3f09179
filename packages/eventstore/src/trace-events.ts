import type { Database } from './database.js'
import { isUuid } from './event-id.js'
import type { RecordedEvent } from './event.js'
import { selectEffects, type LogPart } from './sql/select-effects.js'
import { selectEventsById } from './sql/select-events-by-id.js'

export interface TraceOptions {
  /** The highest position that is safe to read. */
  readonly head: bigint
  /** How many positions before and after each event are looked at for effects and for the rest of its conversation. */
  readonly window: bigint
  /** How many events are found at most, those that are traced among them. */
  readonly limit: number
}

/** What led to some events and what they led to, as far as was looked. */
export interface EventTrace {
  /** In the order of the log; those that were traced are among them. */
  readonly events: readonly RecordedEvent[]
  readonly searched: {
    /** The first and the last position that was looked at; between windows that do not touch there may be others. */
    readonly from: bigint
    readonly to: bigint
    /** Whether nothing can have been missed: no event elsewhere could belong to it, and there was room for all that was found. */
    readonly complete: boolean
  }
}

/** How long a chain of causes, and of effects beyond a conversation, is followed. */
const maxCauses = 100
const maxEffects = 10

/**
 * Finds the causes of events by their ids, and in a window of the log around each what they led to and what else is of the same conversations.
 *
 * Nothing has an index on what it names as its cause, so each round reads the windows; the windows bound what a trace costs.
 *
 * @example
 * const { position: head } = await store.head()
 * const events = await store.readStream('order-o-42')
 * const trace = await traceEvents(store.database, events, { head, window: 10_000n, limit: 500 })
 */
export async function traceEvents(
  database: Database,
  starts: readonly RecordedEvent[],
  { head, window, limit }: TraceOptions,
): Promise<EventTrace> {
  const parts = partsAround(starts, window, head)
  const conversations = correlationsOf(starts)
  const found = new Found(starts, limit)
  let fresh = [...starts, ...(await addCauses(database, found, starts, head))]
  for (let round = 0; fresh.length > 0 && !found.isFull; round++) {
    if (round === maxEffects) {
      found.isFull = true
      break
    }
    const correlationIds = round === 0 ? conversations : []
    const wanted = { causes: fresh.map(({ id }) => id), correlationIds, limit: limit + 1 }
    const read = await selectEffects(database, parts, wanted)
    const effects = found.add(read)
    if (read.length > limit) found.isFull = true
    fresh = [...effects, ...(await addCauses(database, found, effects, head))]
  }
  const events = found.inOrder()
  const from = conversations.length > 0 ? 1n : (events[0]?.position ?? 1n)
  const [first, last] = [parts[0], parts.at(-1)]
  const isCovered = parts.length === 1 && first !== undefined && first.above < from && first.upTo >= head
  return {
    events,
    searched: {
      ...{ from: (first?.above ?? 0n) + 1n, to: last?.upTo ?? 0n },
      complete: isCovered && !found.isFull,
    },
  }
}

/** Adds the causes of events, and theirs; gives those that are new. */
async function addCauses(
  database: Database,
  found: Found,
  events: readonly RecordedEvent[],
  head: bigint,
): Promise<RecordedEvent[]> {
  const added: RecordedEvent[] = []
  let level = events
  for (let step = 0; level.length > 0 && !found.isFull; step++) {
    const ids = level.flatMap(({ metadata: { causationId } }) =>
      causationId !== undefined && isUuid(causationId) && !found.has(causationId) ? [causationId] : [],
    )
    if (ids.length === 0) break
    if (step === maxCauses) {
      found.isFull = true
      break
    }
    const causes = await selectEventsById(database, ids)
    level = found.add(causes.filter(({ position }) => position <= head))
    added.push(...level)
  }
  return added
}

/** Events by their ids, as many as there is room for. */
class Found {
  /** Whether something was left out. */
  isFull = false
  private readonly byId: Map<string, RecordedEvent>

  constructor(
    starts: readonly RecordedEvent[],
    private readonly limit: number,
  ) {
    this.byId = new Map(starts.map((event) => [event.id, event]))
  }

  has(id: string): boolean {
    return this.byId.has(id)
  }

  /** Gives those that are new. */
  add(events: readonly RecordedEvent[]): RecordedEvent[] {
    const unknown = events.filter(({ id }) => !this.byId.has(id))
    const added = unknown.slice(0, Math.max(0, this.limit - this.byId.size))
    if (added.length < unknown.length) this.isFull = true
    for (const event of added) this.byId.set(event.id, event)
    return added
  }

  inOrder(): RecordedEvent[] {
    return [...this.byId.values()].sort((one, other) => (one.position < other.position ? -1 : 1))
  }
}

/** The windows around events, in the order of the log; those that touch are one. */
function partsAround(events: readonly RecordedEvent[], window: bigint, head: bigint): LogPart[] {
  const positions = events.map(({ position }) => position).sort((one, other) => (one < other ? -1 : 1))
  const parts: { above: bigint; upTo: bigint }[] = []
  for (const position of positions) {
    const above = position > window ? position - window - 1n : 0n
    const upTo = position + window < head ? position + window : head
    const last = parts.at(-1)
    if (last && above <= last.upTo) last.upTo = upTo
    else parts.push({ above, upTo })
  }
  return parts
}

function correlationsOf(events: readonly RecordedEvent[]): string[] {
  return [...new Set(events.flatMap(({ metadata: { correlationId } }) => correlationId ?? []))]
}
