import { jsonText } from '../output/json-text.js'
import type { TraceNode } from '../history/trace.js'
import type { History } from './history-of.js'

/** The history as JSON: events with the state after each, and the trace by ids. */
export function jsonExport({ streamId, aggregate, steps, trace }: History): string {
  const document = {
    stream: streamId,
    aggregate: aggregate.name,
    events: steps.map(({ event, state, changes }) => {
      const { position, version, type, schemaVersion, id, recordedAt, data, metadata } = event
      return { version, position, id, type, schemaVersion, recordedAt, data, metadata, state, changes }
    }),
    trace: trace.map(({ cause, effects }) => ({ cause: cause ?? null, effects: effects.map(nodeOf) })),
  }
  return `${jsonText(document, 2)}\n`
}

function nodeOf({ event, effects }: TraceNode): object {
  const { id, type, streamId, version, position, recordedAt } = event
  return { id, type, streamId, version, position, recordedAt, effects: effects.map(nodeOf) }
}
