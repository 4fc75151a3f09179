import { run, type Database, type Statement } from '@tidemark/eventstore'

const statement: Statement = {
  name: 'select-stream-versions',
  text: (schema) => `
select s.stream_id, e.version
  from unnest($1::text[]) as s(stream_id)
 cross join lateral (
   select version from ${schema}.events where stream_id = s.stream_id and position <= $2 order by version desc limit 1
 ) e`,
}

/** The last versions of some streams up to a position; streams without events up to there are left out. */
export async function selectStreamVersions(
  database: Database,
  streamIds: readonly string[],
  position: bigint,
): Promise<Map<string, bigint>> {
  const rows = await run<[string, string]>(database, statement, [streamIds, position])
  return new Map(rows.map(([streamId, version]) => [streamId, BigInt(version)]))
}
