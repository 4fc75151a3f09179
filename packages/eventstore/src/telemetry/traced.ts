import type { NewEvent } from '../event.js'
import { failSpan, openTelemetry, scope } from './open-telemetry.js'

/** What a span says of its work. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>

/** Does nothing until a tracer provider is registered, which may be at any time. */
const tracer = openTelemetry?.trace.getTracer(scope)

/**
 * Does work within a span of its own, which ends with it and says how it failed; without a tracer it only does the work.
 *
 * @param describe called when somebody looks; with the result once there is one.
 */
export function traced<T>(name: string, describe: (result?: T) => SpanAttributes, work: () => Promise<T>): Promise<T> {
  if (!openTelemetry || !tracer) return work()
  const { context, trace, isSpanContextValid } = openTelemetry
  const span = tracer.startSpan(name)
  // Nobody collects spans.
  if (!isSpanContextValid(span.spanContext())) return work()
  if (span.isRecording()) span.setAttributes(describe())
  return context.with(trace.setSpan(context.active(), span), work).then(
    (result) => {
      if (span.isRecording()) span.setAttributes(describe(result))
      span.end()
      return result
    },
    (error: unknown) => {
      failSpan(span, error)
      throw error
    },
  )
}

/** The event with the active span's trace context in its metadata, unless it has one or there is no span. */
export function withTraceparent(event: NewEvent): NewEvent {
  if (!openTelemetry || event.metadata?.traceparent !== undefined) return event
  const span = openTelemetry.trace.getActiveSpan()?.spanContext()
  if (!span || !openTelemetry.isSpanContextValid(span)) return event
  const flags = (span.traceFlags & 0xff).toString(16).padStart(2, '0')
  // W3C Trace Context, section 3.2.
  return { ...event, metadata: { ...event.metadata, traceparent: `00-${span.traceId}-${span.spanId}-${flags}` } }
}
