import { run, type Database, type Statement } from '@tidemark/eventstore'
import type { ErrorRecord } from '../poison/fingerprint.js'

/** A stream of which events wait, whosever it is. */
export interface WaitingStream {
  readonly streamId: string
  readonly tenant: string | undefined
}

const selectWaitingStatement: Statement = {
  name: 'select-waiting-events',
  text: (schema) => `
select position, bool_or(status = 'failed') from ${schema}.parked_events
 where consumer = $1 and stream_id = $2 and tenant is not distinct from $3 and status <> 'skipped'
 group by position order by position`,
}

/** Where the events of a stream are that wait, in order, and whether each failed itself. */
export async function selectWaiting(
  database: Database,
  consumer: string,
  { streamId, tenant }: WaitingStream,
): Promise<{ readonly position: bigint; readonly failed: boolean }[]> {
  const rows = await run<[string, string]>(database, selectWaitingStatement, [consumer, streamId, tenant ?? null])
  return rows.map(([position, failed]) => ({ position: BigInt(position), failed: failed === 't' }))
}

const deleteStatement: Statement = {
  name: 'delete-parked-events',
  text: (schema) => `delete from ${schema}.parked_events where consumer = $1 and position = any($2)`,
}

/** Forgets events that are handled now, with the marks on their rows. */
export async function deleteParked(database: Database, consumer: string, positions: readonly bigint[]): Promise<void> {
  if (positions.length > 0) await run(database, deleteStatement, [consumer, positions.map(String)])
}

const failStatement: Statement = {
  name: 'fail-parked-event',
  text: (schema) => `
update ${schema}.parked_events
   set status = 'failed', attempts = attempts + 1, error_code = $3, error = $4, stack = $5, fingerprint = $6, updated_at = clock_timestamp()
 where consumer = $1 and position = $2`,
}

/** Notes what a waiting event met when it was tried again. */
export async function failParked(
  database: Database,
  consumer: string,
  position: bigint,
  { code, message, stack, fingerprint }: ErrorRecord,
): Promise<void> {
  await run(database, failStatement, [consumer, position, code ?? null, message, stack ?? null, fingerprint])
}

const skipStatement: Statement = {
  name: 'skip-parked-event',
  text: (schema) => `
with marks as (delete from ${schema}.parked_rows where consumer = $1 and position = $2)
update ${schema}.parked_events set status = 'skipped', reason = $3, updated_at = clock_timestamp()
 where consumer = $1 and position = $2`,
}

/** Leaves an event out for good; its rows are not marked any more. */
export async function skipParkedAt(
  database: Database,
  consumer: string,
  position: bigint,
  reason: string,
): Promise<void> {
  await run(database, skipStatement, [consumer, position, reason])
}
