import { run, type Database, type Statement } from '@tidemark/eventstore'

const statement: Statement = {
  name: 'select-parked-rows',
  text: (schema) => `
select distinct r.key
  from ${schema}.projections p
  join ${schema}.parked_rows r on r.consumer = p.table_name
 where p.name = $1 and p.status = 'live' and r.key = any($2)`,
}

/** Those of some rows of a live table that lack a parked event. */
export async function selectParkedRows(
  database: Database,
  projection: string,
  keys: readonly string[],
): Promise<Set<string>> {
  return new Set((await run<[string]>(database, statement, [projection, keys])).map(([key]) => key))
}
