import { run, type Database, type Statement } from '@tidemark/eventstore'

// Jumps from stream to stream on the index of (stream_id, version), all categories side by side: after n × categories steps each has
// given n streams, or all that it has. A dot follows the dash in the "C" order.
const statement: Statement = {
  name: 'select-stream-keys',
  text: (schema) => `
with recursive streams (category, stream_id) as (
  select c, (select min(e.stream_id) from ${schema}.events e where e.stream_id > c || '-' || $1 and e.stream_id < c || '.')
    from unnest($3::text[]) c
  union all
  select s.category, (select min(e.stream_id) from ${schema}.events e where e.stream_id > s.stream_id and e.stream_id < s.category || '.')
    from streams s
   where s.stream_id is not null
)
select distinct substr(s.stream_id, length(s.category) + 2) collate "C" as key
  from (select * from streams where stream_id is not null limit $2::integer * cardinality($3::text[])) s
 order by key
 limit $2`,
}

/** The aggregate ids after a given one that have a stream in some categories, in the order of their bytes; each once. */
export async function selectStreamKeys(
  database: Database,
  {
    categories,
    after,
    limit,
  }: { readonly categories: readonly string[]; readonly after: string | undefined; readonly limit: number },
): Promise<string[]> {
  const rows = await run<[string]>(database, statement, [after ?? '', limit, categories])
  return rows.map(([key]) => key)
}
