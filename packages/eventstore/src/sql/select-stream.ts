import { run, type Database, type Statement } from '../database.js'
import type { RecordedEvent } from '../event.js'
import { eventColumns, toEvents, type EventRow } from './event-row.js'

const forwards: Statement = {
  name: 'select-stream',
  text: (schema) => `
select ${eventColumns}
  from ${schema}.events
 where stream_id = $1 and version >= $2 and version <= $3
 order by version
 limit $4`,
}

const backwards: Statement = {
  name: 'select-stream-backwards',
  text: (schema) => forwards.text(schema).replace('order by version', 'order by version desc'),
}

/** Which part of a stream, both ends inclusive. */
export interface StreamRange {
  readonly fromVersion: bigint
  readonly toVersion: bigint
  readonly limit: number
  readonly direction: 'forwards' | 'backwards'
}

/** Reads a part of one stream; the data as stored. */
export async function selectStream(database: Database, streamId: string, range: StreamRange): Promise<RecordedEvent[]> {
  const statement = range.direction === 'forwards' ? forwards : backwards
  const values = [streamId, range.fromVersion, range.toVersion, range.limit]
  return toEvents(await run<EventRow>(database, statement, values), database.tenant)
}
