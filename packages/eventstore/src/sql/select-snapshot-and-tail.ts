import { run, type Database, type Statement } from '../database.js'
import type { RecordedEvent } from '../event.js'
import { toEvents, type EventRow } from './event-row.js'

// A snapshot counts only if the event that it was taken at is in the stream still, or was the last one that was truncated.
const statement: Statement = {
  name: 'select-snapshot-and-tail',
  text: (schema) => `
with snapshot as (
  select s.version, s.state
    from ${schema}.snapshots s
   where s.stream_id = $1 and s.snapshot_version = $2 and s.version <= $3
     and (exists (select from ${schema}.events e where e.stream_id = $1 and e.version = s.version and e.id = s.event_id)
          or s.event_id = (select last_event_id from ${schema}.stream_truncations where stream_id = $1 order by before_version desc limit 1))
), tail as (
  select * from ${schema}.events
   where stream_id = $1 and version > coalesce((select version from snapshot), 0) and version <= $3
   order by version
   limit $4
)
select 0::bigint, version, null::float8, null::uuid, null::integer, null, null, state, null from snapshot
union all
select position, version, extract(epoch from recorded_at)::float8, id, schema_version, stream_id, type, data, metadata from tail
 order by 2, 1`,
}

export interface SnapshotAndTail {
  readonly snapshot: { readonly version: bigint; readonly state: string } | undefined
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
  if (first?.[0] !== '0') return { snapshot: undefined, events: toEvents(rows, database.tenant) }
  return { snapshot: { version: BigInt(first[1]), state: first[7] }, events: toEvents(rows.slice(1), database.tenant) }
}
