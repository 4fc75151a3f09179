import { run, type Database, type Statement } from '@tidemark/eventstore'

const statement: Statement = {
  name: 'select-durable-position',
  text: (schema) => `
select case when exists (select from ${schema}.events where position >= $1) then $1::bigint
            else coalesce(greatest((select max(position) from ${schema}.events), (select max(position) from ${schema}.truncated_events)), 0) end`,
}

/** A position where there is an event, at it or after it; else that of the last event there ever was. */
export async function selectDurablePosition(database: Database, position: bigint): Promise<bigint> {
  const [row] = await run<[string]>(database, statement, [position])
  return BigInt(row?.[0] ?? 0)
}
