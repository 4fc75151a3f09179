import { run, type Database, type Statement } from '../database.js'
import type { RecordedEvent } from '../event.js'
import { eventColumns, toEvent, type EventRow } from './event-row.js'

const statement: Statement = {
  name: 'select-events-at',
  text: (schema) => `select ${eventColumns} from ${schema}.events where position = any($1::bigint[]) order by position`,
}

const withTenants: Statement = {
  name: 'select-events-at-of-tenants',
  text: (schema) => statement.text(schema).replace(eventColumns, `${eventColumns}, tenant`),
}

/** The events at positions, in the order of the log; positions without one are left out. */
export async function selectEventsAt(
  database: Database,
  positions: readonly bigint[],
  tenants: boolean,
): Promise<RecordedEvent[]> {
  const rows = await run<EventRow>(database, tenants ? withTenants : statement, [positions.map(String)])
  return rows.map((row) => toEvent(row))
}
