import { createRequire } from 'node:module'
import type * as Api from '@opentelemetry/api'

/** OpenTelemetry's API; undefined in a program that has not installed it. */
export const openTelemetry: typeof Api | undefined = load()

function load(): typeof Api | undefined {
  try {
    // An import of a package that may be missing could only be awaited, and a store is made at once.
    return createRequire(import.meta.url)('@opentelemetry/api') as typeof Api
  } catch {
    return undefined
  }
}

/** The name under which spans and figures of this package are found. */
export const scope = '@tidemark/eventstore'

/** The meter of a package; undefined while no meter provider is registered, which must be done before the meter is asked for. */
export function meterOf(name: string): Api.Meter | undefined {
  if (!openTelemetry) return undefined
  const { metrics } = openTelemetry
  // Without a provider every meter is the same.
  return metrics.getMeter(name) === metrics.getMeter(`${name}/other`) ? undefined : metrics.getMeter(name)
}

/** The bounds, in seconds, of a histogram of work that takes from a millisecond to half a minute. */
export const workDurations = {
  explicitBucketBoundaries: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30],
}

/** Says in a span why its work failed, by the code of the error where it has one, and ends it. */
export function failSpan(span: Api.Span, error: unknown): void {
  const failure = error instanceof Error ? error : new Error(String(error))
  span.recordException(failure)
  if ('code' in failure) span.setAttribute('error.type', String(failure.code))
  if (openTelemetry) span.setStatus({ code: openTelemetry.SpanStatusCode.ERROR, message: failure.message })
  span.end()
}
