import { run, type Database, type Statement } from '../database.js'

const statement: Statement = {
  name: 'select-next-position',
  text: (schema) => `select min(position) from ${schema}.events where position > $1`,
}

/** The first position after another one that has an event; undefined where the log ends. */
export async function selectNextPosition(database: Database, after: bigint): Promise<bigint | undefined> {
  const [row] = await run<[string | null]>(database, statement, [after])
  return row?.[0] == null ? undefined : BigInt(row[0])
}
