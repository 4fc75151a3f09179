import { run, type Database, type Statement } from '../database.js'

const statement: Statement = {
  name: 'upsert-snapshot',
  text: (schema) => `
insert into ${schema}.snapshots as s (stream_id, snapshot_version, version, event_id, state)
values ($1, $2, $3, $4, $5)
on conflict (stream_id, snapshot_version) do update
   set version = excluded.version, event_id = excluded.event_id, state = excluded.state, created_at = excluded.created_at
 where s.version < excluded.version
    or not exists (select from ${schema}.events e where e.stream_id = s.stream_id and e.version = s.version and e.id = s.event_id)
   and not exists (select from ${schema}.stream_truncations t where t.stream_id = s.stream_id and t.last_event_id = s.event_id)`,
}

export interface SnapshotRow {
  readonly streamId: string
  readonly snapshotVersion: number
  readonly version: bigint
  readonly eventId: string
  readonly state: string
}

/** Stores a snapshot unless a newer one that still fits the stream is there. */
export async function upsertSnapshot(database: Database, row: SnapshotRow): Promise<void> {
  await run(database, statement, [row.streamId, row.snapshotVersion, row.version, row.eventId, row.state])
}
