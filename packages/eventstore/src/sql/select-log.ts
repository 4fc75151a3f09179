import { run, type Database, type Statement } from '../database.js'
import type { RecordedEvent } from '../event.js'
import { eventColumns, toEvent, type EventRow } from './event-row.js'

const everything: Statement = {
  name: 'select-log',
  text: (schema) => `
select ${eventColumns}
  from ${schema}.events
 where position > $1 and position <= $2
 order by position
 limit $3`,
}

// One scan in the order of positions that stops at the limit: whatever a batch looked at, the next one does not look at again. A scan per
// type, merged, would look at all that is left of the log for each type that does not occur in it, in every batch.
const byType: Statement = {
  name: 'select-log-by-type',
  text: (schema) => `
select ${eventColumns}
  from ${schema}.events
 where position > $1 and position <= $2 and type = any($4)
   and ($5::text[] is null or split_part(stream_id, '-', 1) = any($5))
 order by position
 limit $3`,
}

const byCategory: Statement = {
  name: 'select-log-by-category',
  text: (schema) => `
select ${eventColumns}
  from ${schema}.events
 where position > $1 and position <= $2 and split_part(stream_id, '-', 1) = any($4)
 order by position
 limit $3`,
}

export interface LogRange {
  /** Exclusive. */
  readonly after: bigint
  /** Inclusive: at most the safe head. */
  readonly upTo: bigint
  readonly limit: number
  readonly types?: readonly string[] | undefined
  readonly categories?: readonly string[] | undefined
}

/** Reads a part of the log in order; the data as stored. */
export async function selectLog(database: Database, range: LogRange): Promise<RecordedEvent[]> {
  const { after, upTo, limit, types, categories } = range
  if (types) return select(database, byType, [after, upTo, limit, types, categories ?? null])
  if (categories) return select(database, byCategory, [after, upTo, limit, categories])
  return select(database, everything, [after, upTo, limit])
}

async function select(database: Database, statement: Statement, values: readonly unknown[]): Promise<RecordedEvent[]> {
  return (await run<EventRow>(database, statement, values)).map(toEvent)
}
