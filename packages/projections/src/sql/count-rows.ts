import { run, type Database } from '@tidemark/eventstore'
import { inReadSchema } from '../names.js'

/** How many rows a table of the read models has. */
export async function countRows(database: Database, table: string): Promise<number> {
  const statement = { name: 'unnamed', text: (schema: string) => `select count(*) from ${inReadSchema(schema, table)}` }
  const [row] = await run<[string]>({ ...database, prepare: false }, statement, [])
  return Number(row?.[0] ?? 0)
}
