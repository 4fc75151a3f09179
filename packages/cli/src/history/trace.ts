import type { RecordedEvent } from '@tidemark/eventstore'

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
