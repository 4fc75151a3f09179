import type { EventMetadata, RecordedEvent } from '../event.js'
import { partsOf } from '../stream-id.js'

/** A row of the log as text, in the order of {@link eventColumns}; with the tenant where it was asked for. */
export type EventRow = readonly [
  position: string,
  version: string,
  recordedAt: string,
  id: string,
  schemaVersion: string,
  streamId: string,
  type: string,
  data: string,
  metadata: string,
  ...tenant: string[],
]

/** The columns that make an event; seconds since 1970 need no date parser. */
export const eventColumns =
  'position, version, extract(epoch from recorded_at)::float8, id, schema_version, stream_id, type, data, metadata'

/** The events of rows, all of them the given tenant's where there is one. */
export function toEvents(rows: readonly EventRow[], tenant: string | undefined): RecordedEvent[] {
  return rows.map((row) => toEvent(row, tenant))
}

/** The event of a row, its data as stored: not upcast. */
export function toEvent(row: EventRow, ofTenant?: string): RecordedEvent {
  const [position, version, recordedAt, id, schemaVersion, streamId, type, data, metadata, tenant = ofTenant] = row
  const { category, aggregateId } = partsOf(streamId)
  const event: RecordedEvent & { tenant?: string } = {
    position: BigInt(position),
    id,
    streamId,
    category,
    aggregateId,
    version: BigInt(version),
    type,
    schemaVersion: Number(schemaVersion),
    data: JSON.parse(data) as unknown,
    metadata: JSON.parse(metadata) as EventMetadata,
    recordedAt: new Date(Number(recordedAt) * 1000),
  }
  // Set afterwards: to spread the event in order to add it would cost as much as making it.
  if (tenant !== undefined) event.tenant = tenant
  return event
}
