import type { RecordedEvent } from '@tidemark/eventstore'

/** What a bridge adds to what an event says of itself. */
export interface CloudEventContext {
  readonly source: string
  readonly dataSchema: string | undefined
  /** Where the attributes are besides the headers; `binary` unless said. */
  readonly format?: 'binary' | 'structured'
  /** Of a value that a serializer made; `application/json` unless said. */
  readonly contentType?: string | undefined
}

/**
 * The headers of an event as a CloudEvent, by the Kafka protocol binding of CloudEvents 1.0.
 *
 * A structured one has the attributes as headers, too, as the binding allows: readers need not open the value to know an event.
 * Attributes without a value are left out. The trace context travels as it is, where tracing libraries look for it.
 */
export function cloudEventHeaders(
  event: RecordedEvent,
  { source, dataSchema, format = 'binary', contentType = 'application/json' }: CloudEventContext,
): Record<string, string> {
  const { correlationId, causationId, traceparent, tracestate } = event.metadata
  const headers: Record<string, string> = {
    'content-type': format === 'binary' ? contentType : 'application/cloudevents+json; charset=UTF-8',
    ce_specversion: '1.0',
    ce_id: event.id,
    ce_source: source,
    ce_type: event.type,
    ce_subject: event.streamId,
    ce_time: event.recordedAt.toISOString(),
    ce_streamversion: String(event.version),
    ce_globalposition: String(event.position),
    ce_schemaversion: String(event.schemaVersion),
  }
  if (event.tenant !== undefined) headers['ce_tenant'] = event.tenant
  if (dataSchema !== undefined) headers['ce_dataschema'] = dataSchema
  if (correlationId !== undefined) headers['ce_correlationid'] = correlationId
  if (causationId !== undefined) headers['ce_causationid'] = causationId
  if (traceparent !== undefined) headers['traceparent'] = traceparent
  if (typeof tracestate === 'string') headers['tracestate'] = tracestate
  return headers
}
