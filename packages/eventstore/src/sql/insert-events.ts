import { run, type Database, type Queryable, type Statement } from '../database.js'
import type { RecordedEvent } from '../event.js'
import type { PersonalPart } from '../personal-data/personal-events.js'

/** One stream's part of a statement: its events follow each other, and all of them are stored or none. */
export interface StreamAppend {
  readonly streamId: string
  /** Encoded by `encodeExpectedVersion`. */
  readonly expected: bigint
  readonly events: readonly SerializedEvent[]
  /** Decrypts stored events for comparing; set when an event of this part was encrypted. */
  readonly reveal?: (events: readonly RecordedEvent[], queryable: Queryable) => Promise<readonly RecordedEvent[]>
}

/** An event whose JSON is made already. */
export interface SerializedEvent {
  readonly id: string
  readonly type: string
  readonly schemaVersion: number
  readonly data: string
  readonly metadata: string
  /** When it happened, as an ISO date; the database's time of storing unless a clock was injected. */
  readonly recordedAt?: string
  /** What of the data is to be encrypted before it is stored. */
  readonly personal?: PersonalPart
  /** The data in clear, once `data` is encrypted. */
  readonly plain?: string
}

/** Where the events of one stream's part were stored: versions follow each other from the first. */
export interface StoredPart {
  readonly firstVersion: bigint
  /** One per event, rising. */
  readonly positions: readonly bigint[]
}

// json_to_recordset reads a JSON null as SQL's, which `data` is not.
// The first event of each stream decides. Whoever stored a stream's version N first holds N + 1 and the following too, since every
// appender inserts upwards without holes and waits at N. So the rest of a stream's part cannot fail once its first event is in.
// First events and the rest are two parameters, because a filter would let the planner expect one row and nest loops over thousands.
const text = (schema: string, { timed = false, several = false, dated = false }) => {
  const columns = `stream_id, version, id, type, schema_version, data, metadata${dated ? ', recorded_at' : ''}`
  const values = `i.i, i.t, i.v, coalesce(i.d, 'null'), i.m${dated ? ', coalesce(i.r, clock_timestamp())' : ''}`
  const fields = `i uuid, t text, v integer, d json, m json${dated ? ', r timestamptz' : ''}`
  return `
with settings as materialized (
  select ${timed ? `set_config('lock_timeout', $2, true)` : `$2::text`} as lock_timeout
), first as (
  insert into ${schema}.events (${columns})
  select i.s, coalesce(h.version, 0) + 1, ${values}
    from settings
   cross join json_to_recordset($1) as i(s text, e bigint, ${fields})
   cross join lateral (select max(version) as version from ${schema}.events where stream_id = i.s) h
   where case i.e when -1 then true when -2 then h.version is not null else coalesce(h.version, 0) = i.e end
   order by i.s collate "C"
  on conflict do nothing
  returning stream_id, version, position
)${
    several
      ? `, rest as (
  insert into ${schema}.events (${columns})
  select i.s, f.version + i.n, ${values}
    from first f
    join json_to_recordset($3) as i(s text, n integer, ${fields}) on i.s = f.stream_id
   order by i.s collate "C", i.n
  returning stream_id, version, position
)`
      : ''
  }
select json_agg(stream_id), string_agg(version::text, ','), string_agg(position::text, ',')${
    several
      ? `, (select json_object_agg(stream_id, positions)
            from (select stream_id, string_agg(position::text, ',' order by version) as positions from rest group by stream_id) r)`
      : ''
  }
  from first`
}

// One event alone, which most groups of a quiet store are: a plan without CTEs, and no JSON to be taken apart.
const textOfOne = (schema: string, { timed = false, dated = false }) => `
insert into ${schema}.events (stream_id, version, id, type, schema_version, data, metadata${dated ? ', recorded_at' : ''})
select $1, coalesce(h.version, 0) + 1, $3::uuid, $4, $5::integer, $6::json, $7::json${dated ? ', $8::timestamptz' : ''}
  from (select max(version) as version from ${schema}.events where stream_id = $1) h
 where case $2::bigint when -1 then true when -2 then h.version is not null else coalesce(h.version, 0) = $2 end${
   timed ? ` and set_config('lock_timeout', $${dated ? 9 : 8}, true) is not null` : ''
 }
on conflict do nothing
returning version, position`

const statements = {
  'insert-event': (schema: string) => textOfOne(schema, {}),
  'insert-event-timed': (schema: string) => textOfOne(schema, { timed: true }),
  'insert-event-dated': (schema: string) => textOfOne(schema, { dated: true }),
  'insert-event-timed-dated': (schema: string) => textOfOne(schema, { timed: true, dated: true }),
  'insert-events': (schema: string) => text(schema, {}),
  'insert-event-runs': (schema: string) => text(schema, { several: true }),
  'insert-events-timed': (schema: string) => text(schema, { timed: true }),
  'insert-event-runs-timed': (schema: string) => text(schema, { several: true, timed: true }),
  'insert-events-dated': (schema: string) => text(schema, { dated: true }),
  'insert-event-runs-dated': (schema: string) => text(schema, { several: true, dated: true }),
  'insert-events-timed-dated': (schema: string) => text(schema, { timed: true, dated: true }),
  'insert-event-runs-timed-dated': (schema: string) => text(schema, { several: true, timed: true, dated: true }),
}
const byName = Object.fromEntries(
  Object.entries(statements).map(([name, make]) => [name, { name, text: make }]),
) as Record<keyof typeof statements, Statement>

/**
 * Inserts the events of each stream whose expectation holds, in one statement; a stream may appear once only.
 *
 * The result has the streams that were stored. One that is missing lost: why must be read in a new statement, for this one's snapshot is older than the
 * winner. With `lockTimeoutMs` no lock is waited for longer, and SQLSTATE 55P03 undoes the whole statement.
 */
export async function insertEvents(
  database: Database,
  streams: readonly StreamAppend[],
  lockTimeoutMs?: number,
): Promise<ReadonlyMap<string, StoredPart>> {
  const several = streams.some(({ events }) => events.length > 1)
  const dated = streams.some(({ events }) => events[0]?.recordedAt !== undefined)
  const timed = lockTimeoutMs !== undefined
  const [stream] = streams
  if (stream && streams.length === 1 && !several) return insertEvent(database, stream, lockTimeoutMs)
  const name = `insert-event${several ? '-runs' : 's'}${timed ? '-timed' : ''}${dated ? '-dated' : ''}` as const
  const { first, rest } = toJson(streams)
  const values = [first, lockTimeoutMs === undefined ? null : `${lockTimeoutMs}ms`]
  type Row = [streams: string | null, versions: string | null, positions: string | null, following?: string | null]
  const [row] = await run<Row & readonly (string | null)[]>(
    database,
    byName[name],
    several ? [...values, rest] : values,
  )
  const [storedStreams, versions, positions, following] = row ?? [null, null, null]
  if (storedStreams === null || versions === null || positions === null) return new Map()
  const more = new Map(Object.entries(JSON.parse(following ?? '{}') as Record<string, string>))
  const [firstVersions, firstPositions] = [versions.split(','), positions.split(',')]
  return new Map(
    (JSON.parse(storedStreams) as string[]).map((streamId, index) => {
      const later = more.get(streamId)?.split(',').map(BigInt) ?? []
      const place = {
        firstVersion: BigInt(firstVersions[index] ?? 0),
        positions: [BigInt(firstPositions[index] ?? 0), ...later],
      }
      return [streamId, place]
    }),
  )
}

async function insertEvent(
  database: Database,
  { streamId, expected, events: [event] }: StreamAppend,
  lockTimeoutMs: number | undefined,
): Promise<ReadonlyMap<string, StoredPart>> {
  if (!event) return new Map()
  const { id, type, schemaVersion, data, metadata, recordedAt } = event
  const name =
    `insert-event${lockTimeoutMs === undefined ? '' : '-timed'}${recordedAt === undefined ? '' : '-dated'}` as const
  const values = [streamId, expected, id, type, schemaVersion, data, metadata]
  if (recordedAt !== undefined) values.push(recordedAt)
  if (lockTimeoutMs !== undefined) values.push(`${lockTimeoutMs}ms`)
  const [row] = await run<[version: string, position: string]>(database, byName[name], values)
  if (!row) return new Map()
  return new Map([[streamId, { firstVersion: BigInt(row[0]), positions: [BigInt(row[1])] }]])
}

/** The parameters, put together from texts that are JSON already: each event is serialized once. */
function toJson(streams: readonly StreamAppend[]): { first: string; rest: string } {
  const [first, rest]: [string[], string[]] = [[], []]
  for (const { streamId, expected, events } of streams) {
    const stream = JSON.stringify(streamId)
    for (const [n, { id, type, schemaVersion, data, metadata, recordedAt }] of events.entries()) {
      const date = recordedAt === undefined ? '' : `,"r":"${recordedAt}"`
      const event = `"i":"${id}","t":${JSON.stringify(type)},"v":${schemaVersion},"d":${data},"m":${metadata}${date}}`
      if (n === 0) first.push(`{"s":${stream},"e":${expected},${event}`)
      else rest.push(`{"s":${stream},"n":${n},${event}`)
    }
  }
  return { first: `[${first.join(',')}]`, rest: `[${rest.join(',')}]` }
}
