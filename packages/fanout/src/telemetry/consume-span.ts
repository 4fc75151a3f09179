import { failSpan, openTelemetry } from '@tidemark/eventstore'
import type * as Api from '@opentelemetry/api'
import type { ConsumedEvent } from '../consumer/decode-record.js'

const tracer = openTelemetry?.trace.getTracer('@tidemark/fanout')

/**
 * Handles events within a span: one event's continues the trace that it was appended in, several are linked with theirs.
 *
 * Without a tracer it only does the work.
 */
export async function consumeSpan(
  consumer: string,
  events: readonly ConsumedEvent[],
  work: () => Promise<void>,
): Promise<void> {
  if (!openTelemetry || !tracer) return work()
  const { context, trace, ROOT_CONTEXT, SpanKind } = openTelemetry
  const origins = events.flatMap((event) => remoteSpanOf(event) ?? [])
  const [origin] = origins
  const single = events.length === 1 && origin !== undefined
  const parent = single ? trace.setSpanContext(ROOT_CONTEXT, origin) : context.active()
  const options: Api.SpanOptions = {
    kind: SpanKind.CONSUMER,
    attributes: {
      'messaging.system': 'kafka',
      'messaging.operation.type': 'process',
      'tidemark.consumer': consumer,
      'tidemark.events': events.length,
      ...(events.length === 1 &&
        events[0] && { 'tidemark.event_id': events[0].id, 'tidemark.event_type': events[0].type }),
    },
    ...(!single && { links: origins.map((spanContext) => ({ context: spanContext })) }),
  }
  const span = tracer.startSpan('tidemark.consume', options, parent)
  try {
    await context.with(trace.setSpan(parent, span), work)
    span.end()
  } catch (error) {
    failSpan(span, error)
    throw error
  }
}

/** W3C Trace Context, section 3.2. */
function remoteSpanOf({ metadata }: ConsumedEvent): Api.SpanContext | undefined {
  const match = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})/.exec(metadata.traceparent ?? '')
  const [, traceId, spanId, flags] = match ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true }
}
