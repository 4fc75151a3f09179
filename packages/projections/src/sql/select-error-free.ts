import { run, type Database, type Statement } from '@tidemark/eventstore'

const statement: Statement = {
  name: 'select-error-free-checkpoints',
  text: (schema) => `select name from ${schema}.checkpoints where name = any($1) and error is null`,
}

/** Those of some checkpoints of which no error is noted, or not any more. */
export async function selectErrorFree(database: Database, names: readonly string[]): Promise<Set<string>> {
  return new Set((await run<[string]>(database, statement, [names])).map(([name]) => name))
}
