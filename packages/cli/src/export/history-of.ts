import {
  fold,
  redactEvent,
  traceEvents,
  valueChanges,
  type AnyAggregate,
  type EventStore,
  type RecordedEvent,
  type StreamStore,
  type ValueChange,
} from '@tidemark/eventstore'
import { CliError } from '../errors.js'
import type { Moment } from '../history/moment.js'
import { plainJson } from '../output/plain-json.js'
import { causationTree, type TraceRoot } from '../history/trace.js'

/** One event of a stream, and what it did; fields that are declared personal read as they do once their subject is forgotten. */
export interface Step {
  readonly event: RecordedEvent
  readonly state: unknown
  /** Where the state differs from the one before. */
  readonly changes: readonly ValueChange[]
}

/** A stream from its first event to a moment, fit to be shown to others. */
export interface History {
  readonly streamId: string
  readonly aggregate: AnyAggregate
  readonly steps: readonly Step[]
  readonly trace: readonly TraceRoot[]
}

/** How far from its events, and how many others, the trace of a stream goes. */
const traceWindow = 10_000n
const traceLimit = 500

/**
 * Reads a stream and folds it version by version, without the personal data of anybody.
 *
 * Who acted is left out, since it is a person more often than not; events of other streams are named in the trace, and show no data.
 *
 * @throws {CliError} it has no events until then, or has lost its first ones.
 */
export async function historyOf(
  store: EventStore,
  streams: StreamStore,
  { aggregate, streamId, at }: { readonly aggregate: AnyAggregate; readonly streamId: string; readonly at: Moment },
): Promise<History> {
  const toVersion = typeof at === 'bigint' ? { toVersion: at } : {}
  const events: RecordedEvent[] = []
  for await (const event of streams.walkStream(streamId, toVersion)) {
    if (at instanceof Date && event.recordedAt > at) break
    events.push(event)
  }
  const [first] = events
  if (!first)
    throw new CliError(
      `stream "${streamId}" has no events until then: \`tidemark streams show\` lists those that it has`,
    )
  if (first.version !== 1n)
    throw new CliError(
      `stream "${streamId}" begins with version ${first.version}, what came before was truncated: its history cannot be told`,
    )
  const { position: head } = await store.head()
  const limit = events.length + traceLimit
  const related = await traceEvents(streams.database, events, { head, window: traceWindow, limit })
  const trace = causationTree(related.events.map(withoutContent))
  return { streamId, aggregate, steps: stepsOf(aggregate, events), trace }
}

function stepsOf(aggregate: AnyAggregate, events: readonly RecordedEvent[]): Step[] {
  let state = aggregate.initialState()
  return events.map((stored) => {
    const before = state
    const redacted = redactEvent(aggregate, stored)
    if (redacted) state = fold(aggregate, state, [redacted])
    const { actor: _, ...metadata } = stored.metadata
    const event = { ...stored, data: {}, ...redacted, metadata }
    return { event, state, changes: valueChanges(plainJson(before), plainJson(state)) }
  })
}

function withoutContent(event: RecordedEvent): RecordedEvent {
  const { correlationId, causationId } = event.metadata
  return {
    ...event,
    data: {},
    metadata: {
      ...(correlationId !== undefined && { correlationId }),
      ...(causationId !== undefined && { causationId }),
    },
  }
}
