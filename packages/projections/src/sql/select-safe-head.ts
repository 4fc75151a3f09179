import { run, type Database, type Statement } from '@tidemark/eventstore'

const statement: Statement = {
  name: 'select-head-within',
  text: (schema) => `select last_position, safe_position from ${schema}.safe_head()`,
}

/** The last position that was taken, and the one up to which nothing can still be committed; asked on the caller's connection. */
export async function selectSafeHead(database: Database): Promise<{ readonly last: bigint; readonly safe: bigint }> {
  const [row] = await run<[string, string]>(database, statement, [])
  const [last, safe] = row ?? ['0', '0']
  return { last: BigInt(last), safe: BigInt(safe) }
}
