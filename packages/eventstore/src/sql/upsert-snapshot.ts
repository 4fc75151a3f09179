import { run, type Database, type Statement } from '../database.js'

// A release that is rolled back within a week finds its own snapshots.
const text = (schema: string, rows: string) => `
with written as (
insert into ${schema}.snapshots as s (stream_id, snapshot_version, version, event_id, state)
${rows}
on conflict on constraint snapshots_pkey do update
   set version = excluded.version, event_id = excluded.event_id, state = excluded.state, created_at = excluded.created_at
 where s.version < excluded.version
    or not exists (select from ${schema}.events e where e.stream_id = s.stream_id and e.version = s.version and e.id = s.event_id)
   and not exists (select from ${schema}.stream_truncations t where t.stream_id = s.stream_id and t.last_event_id = s.event_id)
returning stream_id, snapshot_version
)
delete from ${schema}.snapshots s
 using written w
 where s.stream_id = w.stream_id and s.snapshot_version < w.snapshot_version and s.created_at < clock_timestamp() - interval '7 days'`

const statement: Statement = {
  name: 'upsert-snapshot',
  text: (schema) => text(schema, 'values ($1, $2, $3, $4, $5)'),
}

// The state may show in clear what was forgotten since it was loaded; forgetting waits for this statement, or it for the forgetting.
const guarded: Statement = {
  name: 'upsert-snapshot-with-personal-data',
  text: (schema) =>
    text(
      schema,
      `select $1::text, $2::integer, $3::bigint, $4::uuid, $5::json where ${schema}.lock_forgotten_subjects($1) = $6`,
    ),
}

export interface SnapshotRow {
  readonly streamId: string
  readonly snapshotVersion: number
  readonly version: bigint
  readonly eventId: string
  readonly state: string
}

/**
 * Stores a snapshot unless a newer one that still fits the stream is there; those of older snapshot versions go once they are a week old.
 *
 * `forgottenSubjects` is how many of the stream's subjects had been forgotten when the state was loaded, for a stream with personal data: nothing is
 * stored when another was forgotten since.
 */
export async function upsertSnapshot(database: Database, row: SnapshotRow, forgottenSubjects?: number): Promise<void> {
  const values = [row.streamId, row.snapshotVersion, row.version, row.eventId, row.state]
  if (forgottenSubjects === undefined) await run(database, statement, values)
  else await run(database, guarded, [...values, forgottenSubjects])
}
