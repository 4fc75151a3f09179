import { run, type Database, type Statement } from '../database.js'

const statement: Statement = {
  name: 'select-known-event-ids',
  text: (schema) => `select id from ${schema}.events where id = any($1::uuid[])`,
}

/** Those of some event ids that are in the log already. */
export async function selectKnownEventIds(database: Database, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await run<[string]>(database, statement, [ids])
  return new Set(rows.map(([id]) => id))
}
