import { partsOf, type EventMetadata, type RecordedEvent } from '@tidemark/eventstore'
import { eventLine } from '../history/event-line.js'
import type { Output } from '../output/output.js'
import type { AdminClient, Query } from './admin-client.js'
import { readPages } from './read-pages.js'

/** An event as the admin API shows it. */
export interface EventView extends Pick<EventMetadata, 'correlationId' | 'causationId' | 'actor' | 'traceparent'> {
  readonly position: string
  readonly id: string
  readonly streamId: string
  readonly tenant?: string
  readonly version: string
  readonly type: string
  readonly schemaVersion: number
  readonly recordedAt: string
  /** The mode that the data is in. */
  readonly payloads: string
  readonly data?: unknown
  /** The paths of fields that were replaced. */
  readonly personal?: readonly string[]
  readonly metadata?: EventMetadata
}

/** A page of the events of the log. */
export interface EventPage {
  readonly data: readonly EventView[]
  readonly page: { readonly next: string | null; readonly head: string }
}

/** An event of a server as the store gives it, but for its data, which is as the server shows it. */
export function recordedOf(view: EventView): RecordedEvent {
  const { position, id, streamId, tenant, version, type, schemaVersion, recordedAt, data, metadata } = view
  const { correlationId, causationId, actor, traceparent } = view
  return {
    ...{ position: BigInt(position), id, streamId, ...partsOf(streamId), version: BigInt(version) },
    ...{ type, schemaVersion, data },
    metadata: {
      ...(correlationId !== undefined && { correlationId }),
      ...(causationId !== undefined && { causationId }),
      ...(actor !== undefined && { actor }),
      ...(traceparent !== undefined && { traceparent }),
      ...metadata,
    },
    recordedAt: new Date(recordedAt),
    ...(tenant !== undefined && { tenant }),
  }
}

/** The path of a stream in the admin API, or of something about it. */
export function streamPath(streamId: string, what?: string): string {
  return `/streams/${encodeURIComponent(streamId)}${what === undefined ? '' : `/${what}`}`
}

/** Reads the events of a stream, at most so many, as a server shows them. */
export function readStreamThrough(
  server: AdminClient,
  streamId: string,
  query: Query,
  atMost = Number.MAX_SAFE_INTEGER,
): Promise<EventView[]> {
  const cursor = query['direction'] === 'backwards' ? 'to' : 'from'
  return readPages<EventView>(server, streamPath(streamId), query, atMost, cursor)
}

/** The newest version of a stream. */
export async function newestThrough(server: AdminClient, streamId: string, tenant?: string): Promise<bigint> {
  const { version } = await server.get<{ version: string }>(streamPath(streamId), {
    limit: '1',
    payloads: 'none',
    tenant,
  })
  return BigInt(version)
}

/** Says that data is not shown as it is, unless that was asked for. */
export function noteMode(output: Output, shown: string | undefined, asked: string | undefined): void {
  if (shown === undefined || shown === 'full' || asked !== undefined) return
  output.note(`the server shows data ${shown === 'none' ? 'not at all' : shown}: see --payloads`)
}

/** Writes events as they come, each in a line, and says once how much of their data is shown. */
export function tailOutput(output: Output, asked: string | undefined): (view: EventView) => void {
  let isNoted = false
  return (view) => {
    if (!isNoted) noteMode(output, view.payloads, asked)
    isNoted = true
    const event = recordedOf(view)
    output.item(event, eventLine(output, event))
  }
}
