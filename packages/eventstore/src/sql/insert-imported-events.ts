import { run, type Database, type Statement } from '../database.js'
import type { SerializedEvent } from './insert-events.js'

/** An event of another store, with its place in its stream here. */
export interface EventToImport extends SerializedEvent {
  readonly streamId: string
  readonly version: bigint
  /** In seconds since 1970; null for now. */
  readonly recordedAtSeconds: string | null
}

// Positions are taken in the order of the array.
const statement: Statement = {
  name: 'insert-imported-events',
  text: (schema) => `
insert into ${schema}.events (stream_id, version, id, type, schema_version, data, metadata, recorded_at)
select i.s, i.n, i.i, i.t, i.v, coalesce(i.d, 'null'), i.m, coalesce(to_timestamp(i.r::double precision), clock_timestamp())
  from rows from (json_to_recordset($1) as (s text, n bigint, i uuid, t text, v integer, d json, m json, r text))
       with ordinality as i(s, n, i, t, v, d, m, r, o)
 order by i.o`,
}

/** Stores events of another store with their own ids, versions and times. */
export async function insertImportedEvents(database: Database, events: readonly EventToImport[]): Promise<void> {
  const rows = events.map(
    ({ streamId, version, id, type, schemaVersion, data, metadata, recordedAtSeconds }) =>
      `{"s":${JSON.stringify(streamId)},"n":${version},"i":"${id}","t":${JSON.stringify(type)},"v":${schemaVersion},` +
      `"d":${data},"m":${metadata},"r":${JSON.stringify(recordedAtSeconds)}}`,
  )
  await run(database, statement, [`[${rows.join(',')}]`])
}
