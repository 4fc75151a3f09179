import { run, type Database, type Statement } from '../database.js'

const statement: Statement = {
  name: 'select-last-event-id',
  text: (schema) => `select id from ${schema}.events where position <= $1 order by position desc limit 1`,
}

/** The id of the last event at or below a position; undefined where there is none. */
export async function selectLastEventId(database: Database, position: bigint): Promise<string | undefined> {
  const [row] = await run<[string]>(database, statement, [position])
  return row?.[0]
}
