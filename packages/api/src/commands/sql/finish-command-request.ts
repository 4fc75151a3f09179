import { run, type Database, type Statement } from '@tidemark/eventstore'
import type { CommandOutcome } from '../command-outcome.js'

/** One try at a command, which only the last may finish. */
export interface CommandTry {
  readonly tenant: string
  readonly id: string
  readonly attempt: number
}

// What was stored the store finds again, so that its note waits for no disk.
const finish: Statement = {
  name: 'finish-command-request',
  text: (schema) => `
with commit as materialized (
  select set_config('synchronous_commit', case when $4 = 'done' then 'off' else current_setting('synchronous_commit') end, true)
)
update ${schema}.command_requests r
   set state = $4, outcome = $5, lease_until = null, place = null, request = null
  from commit
 where r.tenant = $1 and r.id = $2 and r.attempts = $3 and r.state = 'pending'`,
}

const postpone: Statement = {
  name: 'postpone-command-request',
  text: (schema) => `
update ${schema}.command_requests set lease_until = clock_timestamp() + $4 * interval '1 millisecond'
 where tenant = $1 and id = $2 and attempts = $3 and state = 'pending'`,
}

const forget: Statement = {
  name: 'forget-command-request',
  text: (schema) => `
delete from ${schema}.command_requests where tenant = $1 and id = $2 and attempts = $3 and state = 'pending'`,
}

/** Notes what became of a command. */
export async function finishCommandRequest(
  database: Database,
  { tenant, id, attempt }: CommandTry,
  state: 'done' | 'rejected' | 'failed',
  outcome: CommandOutcome,
): Promise<void> {
  await run(database, finish, [tenant, id, attempt, state, JSON.stringify(outcome)])
}

/** Lets the command be tried again, by anybody, after so many milliseconds. */
export async function postponeCommandRequest(
  database: Database,
  { tenant, id, attempt }: CommandTry,
  delayMs: number,
): Promise<void> {
  await run(database, postpone, [tenant, id, attempt, delayMs])
}

/** Remembers nothing of a command, as if it had never been sent. */
export async function forgetCommandRequest(database: Database, { tenant, id, attempt }: CommandTry): Promise<void> {
  await run(database, forget, [tenant, id, attempt])
}
