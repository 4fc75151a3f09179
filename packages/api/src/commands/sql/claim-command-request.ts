import { run, type Database, type Statement } from '@tidemark/eventstore'
import { outcomeOf, type CommandOutcome } from '../command-outcome.js'

// What is executed at once need not be there after a crash, since the store knows what it stored: such a claim waits for no disk.
// A row that another claim has just inserted is seen by neither part: nothing comes back then.
const statement: Statement = {
  name: 'claim-command-request',
  text: (schema) => `
with commit as materialized (
  select set_config('synchronous_commit', case when $8::json is null then 'off' else current_setting('synchronous_commit') end, true)
), claimed as (
  insert into ${schema}.command_requests as r
         (tenant, id, stream_id, command, fingerprint, lease_until, expires_at, request, asynchronous, place, attempts)
  select $1, $2, $3, $4, $5, case when $8::json is null then clock_timestamp() + $6 * interval '1 millisecond' end,
         clock_timestamp() + $7 * interval '1 millisecond', $8::json, $8::json is not null,
         case when $8::json is not null then nextval('${schema}.command_requests_place_seq') end, 1
    from commit
   where $8::json is null or $9 > (select count(*) from (select from ${schema}.command_requests where place is not null limit $9) waiting)
  on conflict (tenant, id) do update
     set stream_id = excluded.stream_id, command = excluded.command, fingerprint = excluded.fingerprint, lease_until = excluded.lease_until,
         expires_at = excluded.expires_at, request = excluded.request, asynchronous = excluded.asynchronous, place = excluded.place,
         attempts = r.attempts + 1, state = 'pending', outcome = null
   where r.place is null
     and (r.expires_at < clock_timestamp()
          or r.state = 'pending' and r.lease_until < clock_timestamp() and r.fingerprint = excluded.fingerprint)
  returning attempts
)
select 'claimed', attempts, null, null, null from claimed
 union all
select state, attempts, outcome, fingerprint = $5, asynchronous
  from ${schema}.command_requests where tenant = $1 and id = $2 and not exists (select from claimed)`,
}

/** What a command is remembered by. */
export interface ClaimedCommand {
  /** Whose it is; empty in a store without tenancy. */
  readonly tenant: string
  readonly id: string
  readonly streamId: string
  /** Its name with the aggregate's, such as `order.place`. */
  readonly command: string
  /** Tells apart what was sent under one id. */
  readonly fingerprint: Buffer
}

export interface ClaimLimits {
  /** How long the claim keeps others from executing the command. */
  readonly leaseMs: number
  /** How long the outcome is kept. */
  readonly lifetimeMs: number
  /** How many commands may wait to be executed. */
  readonly maxWaiting: number
}

/** What a claim found: nothing of the kind, or what was made of it before. */
export type Claim =
  | { readonly state: 'claimed'; readonly attempt: number }
  | {
      readonly state: 'pending' | 'done' | 'rejected' | 'failed'
      readonly isSame: boolean
      readonly asynchronous: boolean
      readonly outcome: CommandOutcome | undefined
    }
  /** Somebody else claims it at this moment, or, with a request, too many wait. */
  | { readonly state: 'refused' }

type ClaimRow = [
  ...[state: string, attempts: string, outcome: string | null],
  ...[isSame: string | null, asynchronous: string | null],
]

/**
 * Takes a command for oneself; with a `request` it is put down for whoever has time.
 *
 * One whose claim ran out is given to whoever asks next: its process is gone, or will be stopped by the ids of the events.
 */
export async function claimCommandRequest(
  database: Database,
  { tenant, id, streamId, command, fingerprint }: ClaimedCommand,
  { leaseMs, lifetimeMs, maxWaiting }: ClaimLimits,
  request?: string,
): Promise<Claim> {
  const values = [tenant, id, streamId, command, fingerprint, leaseMs, lifetimeMs, request ?? null, maxWaiting]
  const [row] = await run<ClaimRow>(database, statement, values)
  if (!row) return { state: 'refused' }
  const [state, attempts, outcome, isSame, asynchronous] = row
  if (state === 'claimed') return { state, attempt: Number(attempts) }
  return {
    state: state as 'pending' | 'done' | 'rejected' | 'failed',
    isSame: isSame === 't',
    asynchronous: asynchronous === 't',
    outcome: outcomeOf(outcome),
  }
}
