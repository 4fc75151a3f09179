import { run, type Database, type Statement } from '../database.js'

const statement: Statement = {
  name: 'select-waiting-ages',
  text: (schema) => `
select p.position, extract(epoch from clock_timestamp() - e.recorded_at) * 1000
  from unnest($1::bigint[]) as p(position)
 cross join lateral (
   select recorded_at from ${schema}.events where position > p.position order by position limit 1
 ) e`,
}

/**
 * How long the first event after each position has been in the log, in milliseconds; positions that none follows are left out.
 *
 * Events count that are committed, also where an open append keeps readers from them. One look at the primary key per position.
 */
export async function selectWaitingAges(
  database: Database,
  positions: readonly bigint[],
): Promise<ReadonlyMap<bigint, number>> {
  const distinct = [...new Set(positions)]
  if (distinct.length === 0) return new Map()
  const rows = await run<[string, string]>(database, statement, [distinct])
  // The clock of an event that was imported, or of another server, may be ahead.
  return new Map(rows.map(([position, ageMs]) => [BigInt(position), Math.max(0, Math.round(Number(ageMs)))]))
}
