import { run, type Database, type Statement } from '@tidemark/eventstore'

const statement: Statement = {
  name: 'delete-expired-command-requests',
  text: (schema) => `
with expired as (
  select tenant, id from ${schema}.command_requests
   where expires_at < clock_timestamp() and place is null
   order by expires_at limit $1
     for update skip locked
), gone as (
  delete from ${schema}.command_requests r using expired e where r.tenant = e.tenant and r.id = e.id returning 1
)
select count(*) from gone`,
}

/** Deletes what is kept no longer, at most so many; what still waits to be executed stays. Returns how many there were. */
export async function deleteExpiredCommandRequests(database: Database, limit: number): Promise<number> {
  const [row] = await run<[string]>(database, statement, [limit])
  return Number(row?.[0] ?? 0)
}
