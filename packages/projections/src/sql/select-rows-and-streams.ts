import { run, type Database } from '@tidemark/eventstore'
import { inReadSchema, quoted } from '../names.js'
import type { TableShape } from './table-statements.js'

// Jumps from stream to stream on the index of (stream_id, version), all categories side by side: after n × categories steps each has
// given n streams, or all that it has. A dot follows the dash in the "C" order.
const textFor =
  ({ table, key }: TableShape, first: boolean) =>
  (schema: string) => `
with recursive streams (category, stream_id) as (
  select c, (select min(e.stream_id) from ${schema}.events e where e.stream_id > c || '-' || $1 and e.stream_id < c || '.')
    from unnest($3::text[]) c
  union all
  select s.category, (select min(e.stream_id) from ${schema}.events e where e.stream_id > s.stream_id and e.stream_id < s.category || '.')
    from streams s
   where s.stream_id is not null
)
select key
  from ((select ${quoted(key.column)} as key from ${inReadSchema(schema, table)}
          where ${quoted(key.column)} ${first ? '>=' : '>'} $1 order by 1 limit $2)
         union
        select substr(s.stream_id, length(s.category) + 2)
          from (select * from streams where stream_id is not null limit $2::integer * cardinality($3::text[])) s) keys
 order by key
 limit $2`

/** The keys after a given one that a table or a stream of some categories has, in the order of their bytes; each once. */
export async function selectRowsAndStreams(
  database: Database,
  shape: TableShape,
  {
    categories,
    after,
    limit,
  }: { readonly categories: readonly string[]; readonly after: string | undefined; readonly limit: number },
): Promise<string[]> {
  const statement = { name: 'unnamed', text: textFor(shape, after === undefined) }
  const rows = await run<[string]>({ ...database, prepare: false }, statement, [after ?? '', limit, categories])
  return rows.map(([key]) => key)
}
