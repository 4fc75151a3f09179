import { run, type Database, type RecordedEvent, type Statement } from '@tidemark/eventstore'

/** An event that a bridge sets aside, and why. */
export interface SetAside {
  readonly event: RecordedEvent
  /** The key of its record; undefined where it could not be made. */
  readonly key: string | undefined
  /** What it failed at; undefined for one that waits for an earlier one. */
  readonly error: Error | undefined
}

const insertStatement: Statement = {
  name: 'insert-parked-records',
  text: (schema) => `
insert into ${schema}.parked_records (bridge, position, status, event_id, tenant, stream_id, version, type, key, error_code, error)
select $1, position, status, event_id, tenant, stream_id, version, type, key, error_code, error
  from json_to_recordset($2::json) as r(position bigint, status text, event_id uuid, tenant text, stream_id text, version bigint,
    type text, key text, error_code text, error text)
on conflict (bridge, position) do nothing`,
}

/** Sets events aside; again is as once. */
export async function insertParked(database: Database, bridge: string, setAside: readonly SetAside[]): Promise<void> {
  const records = setAside.map(({ event, key, error }) => ({
    ...{ position: String(event.position), status: error ? 'failed' : 'blocked', event_id: event.id },
    ...{ tenant: event.tenant, stream_id: event.streamId, version: String(event.version), type: event.type },
    ...{ key: withoutNul(key), error_code: error && codeOf(error), error: error && messageOf(error) },
  }))
  await run(database, insertStatement, [bridge, JSON.stringify(records)])
}

const selectWaitingStatement: Statement = {
  name: 'select-waiting-keys',
  text: (schema) => `
select key, tenant, stream_id, min(position) from ${schema}.parked_records where bridge = $1 group by key, tenant, stream_id`,
}

/** What a bridge has parked of one key and stream. */
export interface WaitingLane {
  readonly key: string | undefined
  readonly tenant: string | undefined
  readonly streamId: string
  /** Where the first one is. */
  readonly first: bigint
}

/** The keys and streams of which a bridge has events that wait. */
export async function selectWaiting(database: Database, bridge: string): Promise<WaitingLane[]> {
  const rows = await run<[string | null, string | null, string, string]>(database, selectWaitingStatement, [bridge])
  return rows.map(([key, tenant, streamId, first]) => ({
    ...{ key: key ?? undefined, tenant: tenant ?? undefined, streamId, first: BigInt(first) },
  }))
}

const deleteStatement: Statement = {
  name: 'delete-parked-records',
  text: (schema) => `delete from ${schema}.parked_records where bridge = $1 and position = any($2)`,
}

/** Forgets events that were published, or are gone. */
export async function deleteParked(database: Database, bridge: string, positions: readonly bigint[]): Promise<void> {
  if (positions.length > 0) await run(database, deleteStatement, [bridge, positions])
}

const failStatement: Statement = {
  name: 'fail-parked-record',
  text: (schema) => `
update ${schema}.parked_records
   set status = 'failed', error_code = $3, error = $4, updated_at = clock_timestamp(),
       attempts = case when status = 'failed' then attempts + 1 else 1 end
 where bridge = $1 and position = $2`,
}

/** Notes what a parked event met when it was tried again. */
export async function failParked(database: Database, bridge: string, position: bigint, error: Error): Promise<void> {
  await run(database, failStatement, [bridge, position, codeOf(error) ?? null, messageOf(error)])
}

function codeOf(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

function messageOf({ message }: Error): string {
  return withoutNul(message.slice(0, 2000)) ?? ''
}

/** Postgres takes no NUL. */
function withoutNul(text: string | undefined): string | undefined {
  return text?.replaceAll('\u0000', '\\0')
}
