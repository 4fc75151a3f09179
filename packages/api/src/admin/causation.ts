import type { RecordedEvent } from '@tidemark/eventstore'

/** Which events name which as their cause. */
export interface Causation {
  /** Which of the events names which of them, by their ids. */
  readonly edges: readonly { readonly cause: string; readonly effect: string }[]
  /** Causes that are no events that may be read: commands, and events that are gone. */
  readonly outside: readonly string[]
}

/** Tells what caused what among the events of a trace. */
export function causationOf(events: readonly RecordedEvent[]): Causation {
  const ids = new Set(events.map(({ id }) => id))
  const causes = events.flatMap(({ id, metadata: { causationId } }) =>
    causationId === undefined ? [] : [{ cause: causationId, effect: id }],
  )
  return {
    edges: causes.filter(({ cause }) => ids.has(cause)),
    outside: [...new Set(causes.map(({ cause }) => cause).filter((cause) => !ids.has(cause)))],
  }
}
