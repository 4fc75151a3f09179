import { run, type Database, type Statement } from '@tidemark/eventstore'

// Without an index on the time, which every append would pay for: the whole log is passed.
const statement: Statement = {
  name: 'select-positions-between',
  text: (schema) => `
select min(position), max(position)
  from ${schema}.events
 where recorded_at >= coalesce($1::timestamptz, '-infinity')
   and recorded_at < coalesce($2::timestamptz + interval '1 millisecond', 'infinity')`,
}

/** The first and the last position of events that were recorded between two times, both inclusive; undefined where there are none. */
export async function selectPositionsBetween(
  database: Database,
  since: Date | undefined,
  until: Date | undefined,
): Promise<{ readonly first: bigint; readonly last: bigint } | undefined> {
  const values = [since?.toISOString() ?? null, until?.toISOString() ?? null]
  const [row] = await run<[string | null, string | null]>(database, statement, values)
  if (row?.[0] == null || row[1] === null) return undefined
  return { first: BigInt(row[0]), last: BigInt(row[1]) }
}
