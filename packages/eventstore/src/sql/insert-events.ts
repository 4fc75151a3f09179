import { run, type Database, type Statement } from '../database.js'

/** One stream's part of a statement: its events follow each other, and all of them are stored or none. */
export interface StreamAppend {
  readonly streamId: string
  /** Encoded by `encodeExpectedVersion`. */
  readonly expected: bigint
  readonly events: readonly SerializedEvent[]
}

/** An event whose JSON is made already. */
export interface SerializedEvent {
  readonly id: string
  readonly type: string
  readonly schemaVersion: number
  readonly data: string
  readonly metadata: string
}

/** Where one event of a statement was stored. */
export interface StoredPlace {
  /** The index of its stream in the statement. */
  readonly stream: number
  /** Its index within the stream's part. */
  readonly index: number
  readonly version: bigint
  readonly position: bigint
}

// json_to_recordset reads a JSON null as SQL's, which `data` is not.
// The first event of each stream decides. Whoever stored a stream's version N first holds N + 1 and the following too, since every
// appender inserts upwards without holes and waits at N. So the rest of a stream's part cannot fail once its first event is in.
const text = (schema: string, lockTimeout: boolean, several: boolean) => `
with settings as materialized (
  select ${lockTimeout ? `set_config('lock_timeout', $2, true)` : `$2::text`} as lock_timeout
), input as materialized (
  select i.* from settings, json_to_recordset($1) as i(u integer, n integer, s text, e bigint, i uuid, t text, v integer, d json, m json)
), first as (
  insert into ${schema}.events (stream_id, version, id, type, schema_version, data, metadata)
  select i.s, coalesce(h.version, 0) + 1, i.i, i.t, i.v, coalesce(i.d, 'null'), i.m
    from input i
   cross join lateral (select max(version) as version from ${schema}.events where stream_id = i.s) h
   where i.n = 0
     and case i.e when -1 then true when -2 then h.version is not null else coalesce(h.version, 0) = i.e end
   order by i.s collate "C"
  on conflict do nothing
  returning stream_id, version, position
)${
  several
    ? `, rest as (
  insert into ${schema}.events (stream_id, version, id, type, schema_version, data, metadata)
  select i.s, f.version + i.n, i.i, i.t, i.v, coalesce(i.d, 'null'), i.m
    from input i join first f on f.stream_id = i.s
   where i.n > 0
   order by i.s collate "C", i.n
  returning stream_id, version, position
), stored as (
  select f.stream_id, 0 as n, f.version, f.position from first f
  union all
  select r.stream_id, (r.version - f.version)::integer, r.version, r.position from rest r join first f on f.stream_id = r.stream_id
)`
    : `, stored as (select stream_id, 0 as n, version, position from first)`
}
select string_agg(i.u::text, ','), string_agg(s.n::text, ','), string_agg(s.version::text, ','), string_agg(s.position::text, ',')
  from stored s join input i on i.s = s.stream_id and i.n = 0`

const statements = {
  'insert-events': (schema: string) => text(schema, false, false),
  'insert-event-runs': (schema: string) => text(schema, false, true),
  'insert-events-timed': (schema: string) => text(schema, true, false),
  'insert-event-runs-timed': (schema: string) => text(schema, true, true),
}
const byName = Object.fromEntries(
  Object.entries(statements).map(([name, make]) => [name, { name, text: make }]),
) as Record<keyof typeof statements, Statement>

/**
 * Inserts the events of each stream whose expectation holds, in one statement; a stream may appear once only.
 *
 * A stream that is missing from the result lost: why must be read in a new statement, for this one's snapshot is older than the
 * winner. With `lockTimeoutMs` no lock is waited for longer, and SQLSTATE 55P03 undoes the whole statement.
 */
export async function insertEvents(
  database: Database,
  streams: readonly StreamAppend[],
  lockTimeoutMs?: number,
): Promise<readonly StoredPlace[]> {
  const several = streams.some(({ events }) => events.length > 1)
  const name = `insert-event${several ? '-runs' : 's'}${lockTimeoutMs === undefined ? '' : '-timed'}` as const
  const rows = await run<[string | null, string | null, string | null, string | null]>(database, byName[name], [
    toJson(streams),
    lockTimeoutMs === undefined ? null : `${lockTimeoutMs}ms`,
  ])
  const [stream, index, version, position] = rows[0] ?? [null, null, null, null]
  if (stream === null || index === null || version === null || position === null) return []
  const [indexes, versions, positions] = [index.split(','), version.split(','), position.split(',')]
  return stream.split(',').map((u, i) => ({
    stream: Number(u),
    index: Number(indexes[i]),
    version: BigInt(versions[i] ?? 0),
    position: BigInt(positions[i] ?? 0),
  }))
}

/** The parameter, put together from texts that are JSON already: each event is serialized once. */
function toJson(streams: readonly StreamAppend[]): string {
  const rows: string[] = []
  for (const [u, { streamId, expected, events }] of streams.entries()) {
    const stream = `{"u":${u},"s":${JSON.stringify(streamId)},"e":${expected},"n":`
    for (const [n, { id, type, schemaVersion, data, metadata }] of events.entries()) {
      rows.push(
        `${stream}${n},"i":"${id}","t":${JSON.stringify(type)},"v":${schemaVersion},"d":${data},"m":${metadata}}`,
      )
    }
  }
  return `[${rows.join(',')}]`
}
