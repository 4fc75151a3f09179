import { run, type Database, type Statement } from '@tidemark/eventstore'
import { recordOf } from '../poison/fingerprint.js'
import { streamKeyOf, type SetAside, type StreamKey } from '../poison/parking.js'

const selectStreamsStatement: Statement = {
  name: 'select-parked-streams',
  text: (schema) => `
select tenant, stream_id, min(position) from ${schema}.parked_events where consumer = $1 and status <> 'skipped'
 group by tenant, stream_id`,
}

/** The streams of which a consumer has events that wait, and where the first of these is. */
export async function selectParkedStreams(database: Database, consumer: string): Promise<Map<StreamKey, bigint>> {
  const rows = await run<[string | null, string, string]>(database, selectStreamsStatement, [consumer])
  return new Map(
    rows.map(([tenant, streamId, first]) => [streamKeyOf({ tenant: tenant ?? undefined, streamId }), BigInt(first)]),
  )
}

/** Whose events are set aside. */
export interface Consumer {
  /** The table of a read model, or a handler at a version. */
  readonly consumer: string
  readonly projection: string
  readonly shard: number
}

const insertStatement: Statement = {
  name: 'insert-parked-events',
  text: (schema) => `
with given as (
  select * from json_to_recordset($4::json) as r(position bigint, status text, event_id uuid, stream_id text, tenant text, version bigint,
    type text, keys jsonb, error_code text, error text, stack text, fingerprint text)
), parked as (
  insert into ${schema}.parked_events
    (consumer, projection, shard, position, status, event_id, stream_id, tenant, version, type, keys, error_code, error, stack, fingerprint)
  select $1, $2, $3, position, status, event_id, stream_id, tenant, version, type, keys, error_code, error, stack, fingerprint from given
  on conflict (consumer, position, shard) do nothing
)
insert into ${schema}.parked_rows (consumer, key, position, shard)
select $1, key, position, $3 from given, jsonb_array_elements_text(given.keys) as key where status <> 'skipped'
on conflict do nothing`,
}

/** Sets events aside, with marks on the rows that lack them; again is as once. */
export async function insertParked(
  database: Database,
  { consumer, projection, shard }: Consumer,
  setAside: readonly SetAside[],
): Promise<void> {
  const records = setAside.map(({ event, keys, status, error }) => {
    const record = status === 'blocked' ? undefined : recordOf(error, event.type)
    return {
      ...{ position: String(event.position), status, event_id: event.id, stream_id: event.streamId },
      ...{ tenant: event.tenant, version: String(event.version), type: event.type, keys: keys.map(String) },
      ...{ error_code: record?.code, error: withoutNul(record?.message), stack: withoutNul(record?.stack) },
      fingerprint: record?.fingerprint,
    }
  })
  await run(database, insertStatement, [consumer, projection, shard, JSON.stringify(records)])
}

/** Postgres takes no NUL, and an error may quote one. */
function withoutNul(text: string | undefined): string | undefined {
  return text?.replaceAll('\u0000', '\\0')
}

const deleteConsumerStatement: Statement = {
  name: 'delete-parked-of-consumer',
  text: (schema) => `delete from ${schema}.parked_events where consumer = $1`,
}

/** Forgets what a table that is dropped had set aside. */
export async function deleteParkedOf(database: Database, consumer: string): Promise<void> {
  await run(database, deleteConsumerStatement, [consumer])
}
