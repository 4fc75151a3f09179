import { run, type Database, type Statement } from '@tidemark/eventstore'

const statement: Statement = {
  name: 'select-truncated-between',
  text: (schema) => `select exists (select from ${schema}.truncated_events where position > $1 and position <= $2)`,
}

/** Whether an event was deleted that was after one position, and at or before another. */
export async function wasTruncatedBetween(database: Database, after: bigint, upTo: bigint): Promise<boolean> {
  const [row] = await run<[string]>(database, statement, [after, upTo])
  return row?.[0] === 't'
}
