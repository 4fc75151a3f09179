import {
  fold,
  redactEvent,
  traceStream,
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

/** The events of a stream from its first one to a moment, and what they belong to. */
export interface ToldStream {
  readonly events: readonly RecordedEvent[]
  /** In the order of the log. */
  readonly related: readonly RecordedEvent[]
}

/** Reads what is to be told of a stream. */
export async function tell(store: EventStore, streams: StreamStore, streamId: string, at: Moment): Promise<ToldStream> {
  const events: RecordedEvent[] = []
  for await (const event of streams.walkStream(streamId, typeof at === 'bigint' ? { toVersion: at } : {})) {
    if (at instanceof Date && event.recordedAt > at) break
    events.push(event)
  }
  const { position: head } = await store.head()
  const trace = await traceStream(streams, streamId, { head, toVersion: events.at(-1)?.version ?? 0n })
  return { events, related: trace.events }
}

/**
 * Folds a stream version by version, without the personal data of anybody.
 *
 * Who acted is left out, since it is a person more often than not; events of other streams are named in the trace, and show no data.
 *
 * @throws {CliError} it has no events until then, or has lost its first ones.
 */
export function historyOf(aggregate: AnyAggregate, streamId: string, { events, related }: ToldStream): History {
  const [first] = events
  if (!first)
    throw new CliError(
      `stream "${streamId}" has no events until then: \`tidemark streams show\` lists those that it has`,
    )
  if (first.version !== 1n)
    throw new CliError(
      `stream "${streamId}" begins with version ${first.version}, what came before was truncated: its history cannot be told`,
    )
  return { streamId, aggregate, steps: stepsOf(aggregate, events), trace: causationTree(related.map(withoutContent)) }
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
