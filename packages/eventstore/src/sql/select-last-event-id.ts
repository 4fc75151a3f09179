import { run, type Database, type Statement } from '../database.js'

// A truncated event counts as if it were there: whoever rests on it rests on the same log.
const statement: Statement = {
  name: 'select-last-event-id',
  text: (schema) => `
select id
  from ((select position, id from ${schema}.events where position <= $1 order by position desc limit 1)
        union all
        (select position, id from ${schema}.truncated_events where position <= $1 order by position desc limit 1)) e
 order by position desc
 limit 1`,
}

/** The id of the last event at or below a position, be it truncated; undefined where there never was one. */
export async function selectLastEventId(database: Database, position: bigint): Promise<string | undefined> {
  const [row] = await run<[string]>(database, statement, [position])
  return row?.[0]
}
