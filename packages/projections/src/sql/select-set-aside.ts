import { run, type Database, type Statement } from '@tidemark/eventstore'

const statement: Statement = {
  name: 'select-set-aside',
  text: (schema) => `select position, keys from ${schema}.parked_events where consumer = $1`,
}

/** The events that a table lacks, whether they wait or were skipped: by position, with the keys of the rows as text, as far as they are known. */
export async function selectSetAside(database: Database, table: string): Promise<Map<bigint, Set<string>>> {
  const setAside = new Map<bigint, Set<string>>()
  for (const [text, keys] of await run<[string, string]>(database, statement, [table])) {
    const position = BigInt(text)
    // Shards of rows set an event aside each for its own.
    const known = setAside.get(position) ?? new Set()
    for (const key of JSON.parse(keys) as string[]) known.add(key)
    setAside.set(position, known)
  }
  return setAside
}
