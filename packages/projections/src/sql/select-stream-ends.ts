import { run, type Database, type Statement } from '@tidemark/eventstore'

const statement: Statement = {
  name: 'select-stream-ends',
  text: (schema) => `
select s.stream_id, e.position
  from unnest($1::text[]) as s(stream_id)
 cross join lateral (
   select position from ${schema}.events where stream_id = s.stream_id order by version desc limit 1
 ) e`,
}

/** The last positions of some streams, in the caller's snapshot; streams without events are left out. */
export async function selectStreamEnds(database: Database, streamIds: readonly string[]): Promise<Map<string, bigint>> {
  const rows = await run<[string, string]>(database, statement, [streamIds])
  return new Map(rows.map(([streamId, position]) => [streamId, BigInt(position)]))
}

const lastStatement: Statement = {
  name: 'select-last-position-in-snapshot',
  text: (schema) => `select coalesce(max(position), 0) from ${schema}.events`,
}

/** The highest position in the caller's snapshot; lower ones may still be committed. */
export async function selectLastPosition(database: Database): Promise<bigint> {
  const [row] = await run<[string]>(database, lastStatement, [])
  return BigInt(row?.[0] ?? 0)
}
