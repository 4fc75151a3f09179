import { run, type Database, type Statement } from '@tidemark/eventstore'

// The nearest event at or above each position, else below, by one look per type. Rows are compared as a pair, or the planner may pass
// through the log in search of a type that is not there.
const statement: Statement = {
  name: 'select-log-sample',
  text: (schema) => `
select distinct coalesce(
         (select min(e.position) from unnest($1::text[]) as t(type)
           cross join lateral (
             select position from ${schema}.events
              where (type, position) >= (t.type, w.position) and (type, position) <= (t.type, $3)
              order by type, position limit 1) e),
         (select max(e.position) from unnest($1::text[]) as t(type)
           cross join lateral (
             select position from ${schema}.events
              where (type, position) >= (t.type, 0) and (type, position) < (t.type, w.position)
              order by type desc, position desc limit 1) e))
  from unnest($2::bigint[]) as w(position)`,
}

/** The positions of events of some types that are nearest to positions chosen by chance, at most `count` and none twice. */
export async function selectLogSample(
  database: Database,
  { types, upTo, count }: { readonly types: readonly string[]; readonly upTo: bigint; readonly count: number },
): Promise<bigint[]> {
  const chosen = () => String(BigInt(Math.floor(Math.random() * Number(upTo))) + 1n)
  const positions = Array.from({ length: count }, chosen)
  const rows = await run<[string | null]>(database, statement, [types, positions, upTo])
  return rows.flatMap(([position]) => (position === null ? [] : BigInt(position)))
}
