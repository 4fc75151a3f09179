import { run, type Database, type Statement } from '../database.js'
import type { RecordedEvent } from '../event.js'
import { toEvents, type EventRow } from './event-row.js'

// A snapshot counts only if the event that it was taken at is in the stream still, or was the last one that was truncated.
// The first row is the snapshot, or says in place of the type why there is none although there is one.
const statement: Statement = {
  name: 'select-snapshot-and-tail',
  text: (schema) => `
with candidate as (
  select s.version, s.state, s.version <= $3 as wanted,
         exists (select from ${schema}.events e where e.stream_id = $1 and e.version = s.version and e.id = s.event_id)
         or s.event_id = (select last_event_id from ${schema}.stream_truncations where stream_id = $1 order by before_version desc limit 1) as fits
    from ${schema}.snapshots s
   where s.stream_id = $1 and s.snapshot_version = $2
), snapshot as (
  select version, state from candidate where wanted and fits
), tail as (
  select * from ${schema}.events
   where stream_id = $1 and version > coalesce((select version from snapshot), 0) and version <= $3
   order by version
   limit $4
)
select 0::bigint, version, null::float8, null::uuid, null::integer, null, null, state, null::json from snapshot
union all
select 0, 0, null, null, null, null, 'not-in-stream', null::json, null::json from candidate where fits is not true
union all
select 0, 0, null, null, null, null, 'other-version', null::json, null::json
 where not exists (select from candidate) and exists (select from ${schema}.snapshots where stream_id = $1)
union all
select position, version, extract(epoch from recorded_at)::float8, id, schema_version, stream_id, type, data, metadata from tail
 order by 2, 1`,
}

/** Why a snapshot is not used. */
export type SnapshotIgnored = 'other-version' | 'not-in-stream' | 'corrupt'

export interface SnapshotAndTail {
  readonly snapshot: { readonly version: bigint; readonly state: string } | undefined
  /** Why there is none although the stream has one. */
  readonly ignored: SnapshotIgnored | undefined
  /** The events after the snapshot, or all where there is none. */
  readonly events: readonly RecordedEvent[]
}

/** Reads the newest usable snapshot of a stream at or below `toVersion`, and up to `limit` events that follow it. */
export async function selectSnapshotAndTail(
  database: Database,
  streamId: string,
  { snapshotVersion, toVersion, limit }: { snapshotVersion: number; toVersion: bigint; limit: number },
): Promise<SnapshotAndTail> {
  const rows = await run<EventRow>(database, statement, [streamId, snapshotVersion, toVersion, limit])
  const first = rows[0]
  if (first?.[0] !== '0') return { snapshot: undefined, ignored: undefined, events: toEvents(rows, database.tenant) }
  const events = toEvents(rows.slice(1), database.tenant)
  if (first[1] === '0') return { snapshot: undefined, ignored: first[6] as SnapshotIgnored, events }
  return { snapshot: { version: BigInt(first[1]), state: first[7] }, ignored: undefined, events }
}
