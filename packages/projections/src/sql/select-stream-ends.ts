import { run, type Database, type Statement } from '@tidemark/eventstore'

const statement: Statement = {
  name: 'select-stream-ends',
  text: (schema) => `
select s.stream_id, e.version, e.position
  from unnest($1::text[]) as s(stream_id)
 cross join lateral (
   select version, position from ${schema}.events
    where stream_id = s.stream_id and ($2::bigint is null or position <= $2) order by version desc limit 1
 ) e`,
}

/** The last event of a stream. */
export interface StreamEnd {
  readonly version: bigint
  readonly position: bigint
}

/** The last events of some streams, up to a position where one is given, in the caller's snapshot; streams without events up to there are left out. */
export async function selectStreamEnds(
  database: Database,
  streamIds: readonly string[],
  upTo?: bigint,
): Promise<Map<string, StreamEnd>> {
  const rows = await run<[string, string, string]>(database, statement, [streamIds, upTo ?? null])
  return new Map(
    rows.map(([streamId, version, position]) => [streamId, { version: BigInt(version), position: BigInt(position) }]),
  )
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
