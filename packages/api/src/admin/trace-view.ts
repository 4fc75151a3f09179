import type { AnyAggregate, EventTrace, RecordedEvent } from '@tidemark/eventstore'
import { z } from 'zod'
import { eventSchema, eventView } from './event-view.js'
import type { PayloadMode } from './payload-view.js'

/** How a trace stands in answers. */
export const traceSchema = z.object({
  events: z.array(eventSchema),
  edges: z.array(z.object({ cause: z.string(), effect: z.string() })),
  outside: z.array(z.string()).meta({ description: 'Causes that are no events here, such as commands' }),
  searched: z
    .object({ from: z.bigint(), to: z.bigint(), complete: z.boolean() })
    .meta({ description: 'The positions that were looked at, and whether nothing can be missing' }),
})

/** A trace as it is shown, with what caused what. */
export function traceView(
  { events, searched }: EventTrace,
  mode: PayloadMode,
  aggregates: readonly AnyAggregate[],
): z.output<typeof traceSchema> {
  return { events: events.map((event) => eventView(event, mode, aggregates)), ...causationOf(events), searched }
}

function causationOf(events: readonly RecordedEvent[]) {
  const ids = new Set(events.map(({ id }) => id))
  const causes = events.flatMap(({ id, metadata: { causationId } }) =>
    causationId === undefined ? [] : [{ cause: causationId, effect: id }],
  )
  return {
    edges: causes.filter(({ cause }) => ids.has(cause)),
    outside: [...new Set(causes.map(({ cause }) => cause).filter((cause) => !ids.has(cause)))],
  }
}
