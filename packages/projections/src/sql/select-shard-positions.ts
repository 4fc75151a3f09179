import { run, type Database, type Statement } from '@tidemark/eventstore'
import { shardsOf } from '../names.js'

const statement: Statement = {
  name: 'select-shard-positions',
  text: (schema) => `select name, position from ${schema}.checkpoints where name = any($1)`,
}

/** Where each shard of a table has come; 0 for one whose checkpoint is missing. */
export async function selectShardPositions(database: Database, table: string, shards: number): Promise<bigint[]> {
  const names = shardsOf(table, shards).map(({ checkpoint }) => checkpoint)
  const positions = new Map(await run<[string, string]>(database, statement, [names]))
  return names.map((name) => BigInt(positions.get(name) ?? 0))
}
