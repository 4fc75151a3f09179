import { run, type Database, type Statement } from '../database.js'

const statement: Statement = {
  name: 'select-truncation',
  text: (schema) => `select max(before_version) from ${schema}.stream_truncations where stream_id = $1`,
}

/** The version that a stream was last truncated before; undefined where it never was. */
export async function selectTruncation(database: Database, streamId: string): Promise<bigint | undefined> {
  const [row] = await run<[string | null]>(database, statement, [streamId])
  return row?.[0] == null ? undefined : BigInt(row[0])
}
