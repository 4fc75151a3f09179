import { run, type Database, type Statement } from '@tidemark/eventstore'
import type { CommandTry } from './finish-command-request.js'

// The first of each stream alone: those of one stream are executed in the order in which they were put down.
const statement: Statement = {
  name: 'take-command-requests',
  text: (schema) => `
with next as (
  select r.tenant, r.id
    from ${schema}.command_requests r
   where r.place is not null and r.command = any($1) and (r.lease_until is null or r.lease_until < clock_timestamp())
     and not exists (
       select from ${schema}.command_requests e
        where e.tenant = r.tenant and e.stream_id = r.stream_id and e.place is not null and e.place < r.place)
   order by r.place
   limit $2
     for update of r skip locked
)
update ${schema}.command_requests r
   set lease_until = clock_timestamp() + $3 * interval '1 millisecond', attempts = r.attempts + 1
  from next
 where r.tenant = next.tenant and r.id = next.id
returning r.tenant, r.id, r.attempts, r.request`,
}

/** A command that was put down, and is this process's for a while. */
export interface TakenCommand extends CommandTry {
  /** The JSON that it was put down with. */
  readonly request: string
}

/** Takes commands that wait, of those names, for so many milliseconds. */
export async function takeCommandRequests(
  database: Database,
  commands: readonly string[],
  limit: number,
  leaseMs: number,
): Promise<TakenCommand[]> {
  const rows = await run<[tenant: string, id: string, attempts: string, request: string]>(database, statement, [
    commands,
    limit,
    leaseMs,
  ])
  return rows.map(([tenant, id, attempts, request]) => ({ tenant, id, attempt: Number(attempts), request }))
}
