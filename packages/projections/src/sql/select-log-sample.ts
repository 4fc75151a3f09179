import { run, type Database, type Statement } from '@tidemark/eventstore'

// From the first to the last event of the types, the nearest one at or above each place, by one look per type. Rows are compared as a pair, or
// the planner may pass through the log in search of a type that is not there.
const statement: Statement = {
  name: 'select-log-sample',
  text: (schema) => `
with ends as (
  select min(low.position) as first, max(high.position) as last
    from unnest($1::text[]) as t(type)
   cross join lateral (select position from ${schema}.events
                        where (type, position) > (t.type, 0) and (type, position) <= (t.type, $3)
                        order by type, position limit 1) low
   cross join lateral (select position from ${schema}.events
                        where (type, position) > (t.type, 0) and (type, position) <= (t.type, $3)
                        order by type desc, position desc limit 1) high
)
select distinct (select min(e.position)
                   from unnest($1::text[]) as t(type)
                  cross join lateral (
                    select position from ${schema}.events
                     where (type, position) >= (t.type, least(last, first + floor(w.place * (last - first + 1))::bigint))
                       and (type, position) <= (t.type, last)
                     order by type, position limit 1) e)
  from ends, unnest($2::double precision[]) as w(place)
 where first is not null`,
}

/** The positions of events of some types that are nearest to places chosen by chance, at most `count` and none twice. */
export async function selectLogSample(
  database: Database,
  { types, upTo, count }: { readonly types: readonly string[]; readonly upTo: bigint; readonly count: number },
): Promise<bigint[]> {
  const places = Array.from({ length: count }, () => Math.random())
  const rows = await run<[string]>(database, statement, [types, places, upTo])
  return rows.map(([position]) => BigInt(position))
}
