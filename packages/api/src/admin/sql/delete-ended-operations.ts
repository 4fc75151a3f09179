import { run, type Database, type Statement } from '@tidemark/eventstore'

const statement: Statement = {
  name: 'admin/delete-ended-operations',
  text: (schema) => `
with old as (
  select id from ${schema}.operations
   where status in ('done', 'failed', 'cancelled') and ended_at < clock_timestamp() - $1 * interval '1 ms'
   order by id limit $2
     for update skip locked
), gone as (
  delete from ${schema}.operations o using old where o.id = old.id returning 1
)
select count(*) from gone`,
}

/** Deletes operations that ended so many milliseconds ago by the database's clock, or earlier; at most `limit`. Returns how many there were. */
export async function deleteEndedOperations(database: Database, olderThanMs: number, limit: number): Promise<number> {
  const [row] = await run<[string]>(database, statement, [olderThanMs, limit])
  return Number(row?.[0] ?? 0)
}
