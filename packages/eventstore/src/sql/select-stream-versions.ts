import { run, type Database, type Statement } from '../database.js'

const statement: Statement = {
  name: 'select-stream-versions',
  text: (schema) => `
select s, (select max(version) from ${schema}.events where stream_id = s)
  from unnest($1::text[]) s`,
}

/** The version that each stream is at; 0 where it does not exist. */
export async function selectStreamVersions(
  database: Database,
  streamIds: readonly string[],
): Promise<Map<string, bigint>> {
  const rows = await run<[string, string | null]>(database, statement, [streamIds])
  return new Map(rows.map(([streamId, version]) => [streamId, BigInt(version ?? 0)]))
}
