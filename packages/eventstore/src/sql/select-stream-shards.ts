import { run, type Database, type Statement } from '../database.js'
import { shardExpression } from './select-log.js'

const statement: Statement = {
  name: 'select-stream-shards',
  text: () => `select s, ${shardExpression('s collate "C"', '$2::bigint')} from unnest($1::text[]) s`,
}

/** Which of `count` parts of the log each stream is in, by its id; from 0. */
export async function selectStreamShards(
  database: Database,
  streamIds: readonly string[],
  count: number,
): Promise<Map<string, number>> {
  const rows = await run<[string, string]>(database, statement, [streamIds, count])
  return new Map(rows.map(([streamId, shard]) => [streamId, Number(shard)]))
}
