import { isUuid, type EventStore, type RecordedEvent } from '@tidemark/eventstore'
import { selectPositionsById, selectRelatedPositions } from '../sql/select-related-positions.js'

/** An event, and what it led to. */
export interface TraceNode {
  readonly event: RecordedEvent
  readonly effects: readonly TraceNode[]
}

/** What one command or message from outside led to: the events that it made, with their effects. */
export interface TraceRoot {
  /** The command, or what else is not an event of this log; undefined where the events name no cause. */
  readonly cause: string | undefined
  readonly effects: readonly TraceNode[]
}

/**
 * The events of the same conversation as the given ones, and all that they caused, in the order of the log; at most `limit`.
 *
 * Where an event names no conversation its causes and effects are followed one by one.
 */
export async function relatedEvents(
  store: EventStore,
  starts: readonly RecordedEvent[],
  limit: number,
): Promise<RecordedEvent[]> {
  const found = new Map(starts.map((event) => [event.position, event]))
  const correlations = new Set(starts.map(({ metadata }) => metadata.correlationId))
  let fresh: readonly RecordedEvent[] = starts
  while (fresh.length > 0 && found.size < limit) {
    const causes = fresh.flatMap(({ metadata }) =>
      metadata.causationId !== undefined && isUuid(metadata.causationId) ? [metadata.causationId] : [],
    )
    const positions = await selectPositionsById(store.database, causes)
    const effectsOf = fresh.map(({ id }) => id)
    for (const correlationId of correlations)
      positions.push(...(await selectRelatedPositions(store.database, { correlationId, causes: effectsOf, limit })))
    correlations.clear()
    correlations.add(undefined)
    const unseen = [...new Set(positions)].filter((position) => !found.has(position)).slice(0, limit - found.size)
    fresh = await store.readEventsAt(unseen)
    for (const event of fresh) found.set(event.position, event)
  }
  return [...found.values()].sort((a, b) => (a.position < b.position ? -1 : 1))
}

/** Arranges events by what caused them; effects come in the order of the log. */
export function causationTree(events: readonly RecordedEvent[]): TraceRoot[] {
  const nodes = new Map(events.map((event) => [event.id, { event, effects: [] as TraceNode[] }]))
  const roots = new Map<string | undefined, TraceNode[]>()
  for (const node of nodes.values()) {
    const { causationId } = node.event.metadata
    const cause = causationId === undefined ? undefined : nodes.get(causationId)
    // A cause has a lower position than its effect, or metadata made by hand could tie a knot.
    if (cause && cause.event.position < node.event.position) cause.effects.push(node)
    else roots.set(causationId, [...(roots.get(causationId) ?? []), node])
  }
  return [...roots].map(([cause, effects]) => ({ cause, effects }))
}

/** The tree as lines, each deeper one indented. */
export function treeLines(roots: readonly TraceRoot[], lineOf: (event: RecordedEvent) => string): string[] {
  const linesOf = ({ event, effects }: TraceNode, depth: number): string[] => [
    `${'  '.repeat(depth)}- ${lineOf(event)}`,
    ...effects.flatMap((effect) => linesOf(effect, depth + 1)),
  ]
  return roots.flatMap(({ cause, effects }) => [
    cause === undefined ? 'without a known cause' : `caused by ${cause}`,
    ...effects.flatMap((node) => linesOf(node, 1)),
  ])
}
