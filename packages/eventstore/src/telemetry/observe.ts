import type { AppendResult } from '../append-outcome.js'
import type { AnyAggregate } from '../define-aggregate.js'
import type { ExecuteResult } from '../execute-command.js'
import type { Loaded } from '../load-aggregate.js'
import type { StreamAppend } from '../sql/insert-events.js'
import type { SubscriptionBatch } from '../subscription.js'
import { openTelemetry } from './open-telemetry.js'
import type { StoreMetrics } from './store-metrics.js'
import { traced, type SpanAttributes } from './traced.js'

type Append = (part: StreamAppend, signal: AbortSignal | undefined) => Promise<AppendResult>
type HandleBatch = (batch: SubscriptionBatch) => Promise<void>

/** The same append, with a span and its figures; the very same function where OpenTelemetry is not installed. */
export function observeAppends(append: Append, metrics: StoreMetrics | undefined): Append {
  if (!openTelemetry) return append
  const spanned: Append = (part, signal) =>
    traced(
      'tidemark.append',
      (result) => describeAppend(part, result),
      () => append(part, signal),
    )
  if (!metrics) return spanned
  return async (part, signal) => {
    const startedAt = performance.now()
    try {
      const result = await spanned(part, signal)
      metrics.appendEnded(performance.now() - startedAt, result.duplicate ? 'duplicate' : 'stored')
      return result
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'other'
      metrics.appendEnded(performance.now() - startedAt, code)
      throw error
    }
  }
}

function describeAppend({ streamId, events }: StreamAppend, result: AppendResult | undefined): SpanAttributes {
  const before = { 'db.system.name': 'postgresql', 'tidemark.stream': streamId, 'tidemark.events': events.length }
  if (!result) return before
  const { version, position, duplicate } = result
  return {
    ...before,
    'tidemark.version': String(version),
    'tidemark.position': String(position),
    'tidemark.duplicate': duplicate,
  }
}

/** The same handling of batches, with a span for each that has events. */
export function observeBatches(name: string, handle: HandleBatch, metrics: StoreMetrics | undefined): HandleBatch {
  if (!openTelemetry) return handle
  return async (batch) => {
    const { events, to } = batch
    const attributes = () => ({
      'tidemark.subscription': name,
      'tidemark.events': events.length,
      'tidemark.position': String(to.position),
    })
    if (events.length === 0) await handle(batch)
    else await traced('tidemark.batch', attributes, () => handle(batch))
    metrics?.subscriptionAt(name, to.position)
  }
}

/** Does the work of `load` within a span. */
export function observeLoad<T extends Loaded<unknown>>(
  aggregate: AnyAggregate,
  aggregateId: string,
  work: () => Promise<T>,
): Promise<T> {
  const describe = (loaded?: T) => ({
    'db.system.name': 'postgresql',
    'tidemark.stream': `${aggregate.name}-${aggregateId}`,
    ...(loaded && {
      'tidemark.version': String(loaded.version),
      'tidemark.snapshot_version': String(loaded.snapshotVersion),
      'tidemark.events_read': loaded.eventsRead,
    }),
  })
  return traced('tidemark.load', describe, work)
}

/** Does the work of `execute` within a span; the append is a child of it. */
export function observeExecute<T extends { readonly result: ExecuteResult<unknown> }>(
  aggregate: AnyAggregate,
  aggregateId: string,
  command: string,
  work: () => Promise<T>,
): Promise<T> {
  const describe = (executed?: T) => ({
    'tidemark.stream': `${aggregate.name}-${aggregateId}`,
    'tidemark.command': command,
    ...(executed && {
      'tidemark.version': String(executed.result.version),
      'tidemark.events': executed.result.events.length,
      'tidemark.duplicate': executed.result.duplicate,
    }),
  })
  return traced('tidemark.execute', describe, work)
}
