import { run, type Database, type Statement } from '../database.js'

const statement: Statement = { name: 'select-epoch', text: (schema) => `select epoch from ${schema}.store` }

/** The epoch of the store: another one after the log was restored to an earlier point. */
export async function selectEpoch(database: Database): Promise<string> {
  const [row] = await run<[string]>(database, statement, [])
  return row?.[0] ?? ''
}
