import { run, type Database, type Statement } from '../database.js'
import type { RecordedEvent } from '../event.js'
import { eventColumns, toEvents, type EventRow } from './event-row.js'

const statement: Statement = {
  name: 'select-events-by-id',
  text: (schema) => `select ${eventColumns} from ${schema}.events where id = any($1::uuid[]) order by position`,
}

/** The events with one of the ids, in the order of the log; ids that are not there are left out. */
export async function selectEventsById(database: Database, ids: readonly string[]): Promise<RecordedEvent[]> {
  return toEvents(await run<EventRow>(database, statement, [ids]), database.tenant)
}
