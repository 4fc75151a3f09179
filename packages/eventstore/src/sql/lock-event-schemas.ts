import { run, type Database, type Statement } from '../database.js'

const statement: Statement = {
  name: 'lock-event-schemas',
  text: () => `select pg_advisory_xact_lock(hashtextextended($1, 0))`,
}

/** Lets one transaction at a time register schemas; a writer may not lock the table itself. */
export async function lockEventSchemas(database: Database): Promise<void> {
  await run(database, statement, [`event schemas of ${database.schema}`])
}
