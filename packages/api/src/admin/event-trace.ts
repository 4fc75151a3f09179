import { isUuid, selectEventsById, type RecordedEvent, type StreamStore } from '@tidemark/eventstore'
import { selectEffects } from './sql/select-events.js'

/** What led to an event and what it led to, as far as was looked. */
export interface EventTrace {
  /** In the order of the log; the event itself is among them. */
  readonly events: readonly RecordedEvent[]
  /** Which of them names which as its cause, by their ids. */
  readonly edges: readonly { readonly cause: string; readonly effect: string }[]
  /** Causes that are no events that may be read: commands, and events that are gone. */
  readonly outside: readonly string[]
  readonly searched: {
    /** The first and the last position that was looked at for effects. */
    readonly from: bigint
    readonly to: bigint
    /** Whether that was all of the log after the event, with room for all that was found. */
    readonly complete: boolean
  }
}

const maxAncestors = 100
const maxEvents = 500
const maxRounds = 10

/**
 * Finds the causes of an event by their ids, and its effects in a window of the log after it.
 *
 * A cause is before its effect, and nothing has an index on what it names as its cause, so effects are found by looking at every event of the window.
 */
export async function traceEvent(
  { database }: Pick<StreamStore, 'database'>,
  event: RecordedEvent,
  { head, window }: { readonly head: bigint; readonly window: bigint },
): Promise<EventTrace> {
  const found = new Map<string, RecordedEvent>([[event.id, event]])
  let earliest = event
  for (let step = 0; step < maxAncestors; step++) {
    const { causationId } = earliest.metadata
    if (causationId === undefined || found.has(causationId) || !isUuid(causationId)) break
    const [cause] = await selectEventsById(database, [causationId])
    if (!cause || cause.position > head) break
    found.set(cause.id, cause)
    earliest = cause
  }
  const lowest = event.position > window ? event.position - window : 0n
  const above = earliest.position - 1n > lowest ? earliest.position - 1n : lowest
  const upTo = event.position + window < head ? event.position + window : head
  const full = await addEffects({ database }, found, { above, upTo, correlationId: event.metadata.correlationId })
  const events = [...found.values()].sort((one, other) => (one.position < other.position ? -1 : 1))
  const causes = events.flatMap(({ id, metadata: { causationId } }) =>
    causationId === undefined ? [] : [{ cause: causationId, effect: id }],
  )
  return {
    events,
    edges: causes.filter(({ cause }) => found.has(cause)),
    outside: [...new Set(causes.map(({ cause }) => cause).filter((cause) => !found.has(cause)))],
    searched: { from: above + 1n, to: upTo, complete: upTo === head && !full },
  }
}

/** Adds what follows from the events that were found; true where there was no room for all. */
async function addEffects(
  { database }: Pick<StreamStore, 'database'>,
  found: Map<string, RecordedEvent>,
  { above, upTo, correlationId }: { above: bigint; upTo: bigint; correlationId: string | undefined },
): Promise<boolean> {
  let causes = [...found.keys()]
  let conversation = correlationId
  for (let round = 0; round < maxRounds; round++) {
    const room = maxEvents - found.size
    const part = { above, upTo, causes, correlationId: conversation, limit: maxEvents + 1 }
    const read = await selectEffects(database, part)
    const effects = read.filter(({ id }) => !found.has(id))
    for (const effect of effects.slice(0, room)) found.set(effect.id, effect)
    if (read.length > maxEvents || effects.length > room) return true
    if (effects.length === 0) return false
    causes = effects.map(({ id }) => id)
    conversation = undefined
  }
  return true
}
