import { run, type Database, type Statement } from '../database.js'
import type { RecordedEvent } from '../event.js'
import { eventColumns, toEvents, type EventRow } from './event-row.js'

// Metadata has no index, so each part is read as a whole; in a lateral query, or the limit could lure the planner into reading the log from its beginning.
const statement: Statement = {
  name: 'select-effects',
  text: (schema) => `
select found.* from unnest($1::bigint[], $2::bigint[]) as part (above, up_to)
 cross join lateral (
   select ${eventColumns} from ${schema}.events
    where position > part.above and position <= part.up_to
      and (metadata->>'causationId' = any($3) or metadata->>'correlationId' = any($4))
    order by position
    limit $5
 ) found
 order by position
 limit $5`,
}

/** A part of the log. */
export interface LogPart {
  /** Exclusive. */
  readonly above: bigint
  /** Inclusive. */
  readonly upTo: bigint
}

/** The events of some parts of the log that name one of some causes, or belong to one of some conversations, in the order of the log. */
export async function selectEffects(
  database: Database,
  parts: readonly LogPart[],
  {
    causes,
    correlationIds,
    limit,
  }: { readonly causes: readonly string[]; readonly correlationIds: readonly string[]; readonly limit: number },
): Promise<RecordedEvent[]> {
  const bounds = [parts.map(({ above }) => String(above)), parts.map(({ upTo }) => String(upTo))]
  const rows = await run<EventRow>(database, statement, [...bounds, causes, correlationIds, limit])
  return toEvents(rows, database.tenant)
}
