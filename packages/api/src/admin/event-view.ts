import { presentTypesOf, redactPersonal, type AnyAggregate, type RecordedEvent } from '@tidemark/eventstore'
import { z } from 'zod'
import { lesserMode, payloadModes, viewOf, type PayloadMode } from './payload-view.js'

/** How an event stands in answers. */
export const eventSchema = z.object({
  position: z.bigint(),
  id: z.string(),
  streamId: z.string(),
  tenant: z.string().optional(),
  version: z.bigint(),
  type: z.string(),
  schemaVersion: z.int(),
  recordedAt: z.date(),
  correlationId: z.string().optional(),
  causationId: z.string().optional(),
  actor: z.string().optional(),
  traceparent: z.string().optional(),
  payloads: z
    .enum(payloadModes)
    .meta({ description: 'The mode that data is in; less than was asked for where it must be' }),
  data: z.unknown().optional().meta({ description: 'As stored, in the mode of payloads; left out for none' }),
  personal: z.array(z.string()).optional().meta({ description: 'The paths of personal fields, which are replaced' }),
  metadata: z.unknown().optional().meta({ description: 'What else the event was stored with' }),
})

/**
 * An event as it is shown: personal fields replaced, the rest in a mode.
 *
 * Where an older schema may have had personal fields elsewhere, in clear, its data is masked at most.
 */
export function eventView(
  stored: RecordedEvent,
  mode: PayloadMode,
  aggregates: readonly AnyAggregate[],
): z.output<typeof eventSchema> {
  const aggregate = aggregates.find(({ name }) => name === stored.category)
  const { event, redacted } = redactPersonal(stored, aggregate)
  const { position, id, streamId, tenant, version, type, schemaVersion, recordedAt, data, metadata } = event
  const { correlationId, causationId, actor, traceparent, ...more } = metadata
  const hasMore = Object.keys(more).length > 0
  const shown = redacted.length === 0 && isOlderPersonal(event, aggregate) ? lesserMode(mode, 'masked') : mode
  return {
    ...{ position, id, streamId, version, type, schemaVersion, recordedAt, payloads: shown },
    ...(tenant !== undefined && { tenant }),
    ...(correlationId !== undefined && { correlationId }),
    ...(causationId !== undefined && { causationId }),
    ...(actor !== undefined && { actor }),
    ...(traceparent !== undefined && { traceparent }),
    ...(mode !== 'none' && { data: viewOf(data, shown) }),
    ...(redacted.length > 0 && { personal: [...redacted] }),
    ...(mode !== 'none' && hasMore && { metadata: viewOf(more, mode) }),
  }
}

function isOlderPersonal({ type, schemaVersion }: RecordedEvent, aggregate: AnyAggregate | undefined): boolean {
  const present = aggregate && presentTypesOf(aggregate).get(type)
  const definition = present ? aggregate?.events[present] : undefined
  return definition?.personal !== undefined && schemaVersion < definition.version
}
