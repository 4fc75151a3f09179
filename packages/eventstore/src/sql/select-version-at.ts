import { run, type Database, type Statement } from '../database.js'

const statement: Statement = {
  name: 'select-version-at',
  text: (schema) => `
select max(version) from ${schema}.events where stream_id = $1 and recorded_at <= to_timestamp($2)`,
}

/** The version that a stream was at at a time of the database's clock; 0 where it did not exist yet. */
export async function selectVersionAt(database: Database, streamId: string, at: Date): Promise<bigint> {
  const [row] = await run<[string | null]>(database, statement, [streamId, at.getTime() / 1000])
  return BigInt(row?.[0] ?? 0)
}
