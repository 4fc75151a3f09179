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
  /** When each event was stored, in seconds since 1970; empty unless asked for. */
  readonly recordedAt: readonly number[]
}

export interface InsertOptions {
  /** No lock is waited for longer: SQLSTATE 55P03 then undoes the whole statement. Without it, as long as the session says. */
  readonly lockTimeoutMs?: number
  /** Whether to say when the events were stored. */
  readonly tellTimes?: boolean
}

/** What the texts of the statements differ in. */
interface Shape {
  readonly timed: boolean
  readonly dated: boolean
  readonly told: boolean
}

const seconds = 'extract(epoch from recorded_at)::float8'

// json_to_recordset reads a JSON null as SQL's, which `data` is not.
// The first event of each stream decides. Whoever stored a stream's version N first holds N + 1 and the following too, since every
// appender inserts upwards without holes and waits at N. So the rest of a stream's part cannot fail once its first event is in.
// First events and the rest are two parameters, because a filter would let the planner expect one row and nest loops over thousands.
const text = (schema: string, several: boolean, { timed, dated, told }: Shape) => {
  const columns = `stream_id, version, id, type, schema_version, data, metadata${dated ? ', recorded_at' : ''}`
  const values = `i.i, i.t, i.v, coalesce(i.d, 'null'), i.m${dated ? ', coalesce(i.r, clock_timestamp())' : ''}`
  const fields = `i uuid, t text, v integer, d json, m json${dated ? ', r timestamptz' : ''}`
  const returning = `returning stream_id, version, position${told ? ', recorded_at' : ''}`
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
  ${returning}
)${
    several
      ? `, rest as (
  insert into ${schema}.events (${columns})
  select i.s, f.version + i.n, ${values}
    from first f
    join json_to_recordset($3) as i(s text, n integer, ${fields}) on i.s = f.stream_id
   order by i.s collate "C", i.n
  ${returning}
)`
      : ''
  }
select json_agg(stream_id), string_agg(version::text, ','), string_agg(position::text, ','), ${
    told ? `string_agg(${seconds}::text, ',')` : 'null'
  }${
    several
      ? `, (select json_object_agg(stream_id, json_build_array(positions${told ? ', times' : ''}))
            from (select stream_id, string_agg(position::text, ',' order by version) as positions${
              told ? `, string_agg(${seconds}::text, ',' order by version) as times` : ''
            } from rest group by stream_id) r)`
      : ''
  }
  from first`
}

// One event alone, which most groups of a quiet store are: a plan without CTEs, and no JSON to be taken apart.
const textOfOne = (schema: string, { timed, dated, told }: Shape) => `
insert into ${schema}.events (stream_id, version, id, type, schema_version, data, metadata${dated ? ', recorded_at' : ''})
select $1, coalesce(h.version, 0) + 1, $3::uuid, $4, $5::integer, $6::json, $7::json${dated ? ', $8::timestamptz' : ''}
  from (select max(version) as version from ${schema}.events where stream_id = $1) h
 where case $2::bigint when -1 then true when -2 then h.version is not null else coalesce(h.version, 0) = $2 end${
   timed ? ` and set_config('lock_timeout', $${dated ? 9 : 8}, true) is not null` : ''
 }
on conflict do nothing
returning version, position${told ? `, ${seconds}` : ''}`

const made = new Map<string, Statement>()

/** The statement for `insert-event`, `insert-events` or `insert-event-runs` in a shape, made once. */
function statementFor(kind: 'event' | 'events' | 'event-runs', shape: Shape): Statement {
  const { timed, dated, told } = shape
  const name = `insert-${kind}${timed ? '-timed' : ''}${dated ? '-dated' : ''}${told ? '-told' : ''}`
  let statement = made.get(name)
  if (!statement) {
    const make = (schema: string) =>
      kind === 'event' ? textOfOne(schema, shape) : text(schema, kind === 'event-runs', shape)
    made.set(name, (statement = { name, text: make }))
  }
  return statement
}

/**
 * Inserts the events of each stream whose expectation holds, in one statement; a stream may appear once only.
 *
 * The result has the streams that were stored. One that is missing lost: why must be read in a new statement, for this one's snapshot is older than the
 * winner.
 */
export async function insertEvents(
  database: Database,
  streams: readonly StreamAppend[],
  { lockTimeoutMs, tellTimes = false }: InsertOptions = {},
): Promise<ReadonlyMap<string, StoredPart>> {
  const several = streams.some(({ events }) => events.length > 1)
  const dated = streams.some(({ events }) => events[0]?.recordedAt !== undefined)
  const shape = { timed: lockTimeoutMs !== undefined, dated, told: tellTimes }
  const [stream] = streams
  if (stream && streams.length === 1 && !several) return insertEvent(database, stream, shape, lockTimeoutMs)
  const { first, rest } = toJson(streams)
  const values = [first, lockTimeoutMs === undefined ? null : `${lockTimeoutMs}ms`]
  const [row] = await run<readonly (string | null)[]>(
    database,
    statementFor(several ? 'event-runs' : 'events', shape),
    several ? [...values, rest] : values,
  )
  const [storedStreams, versions, positions, times, following] = row ?? []
  if (!storedStreams || !versions || !positions) return new Map()
  const more = new Map(Object.entries(JSON.parse(following ?? '{}') as Record<string, [string, string?]>))
  const [firstVersions, firstPositions, firstTimes] = [versions.split(','), positions.split(','), numbersOf(times)]
  return new Map(
    (JSON.parse(storedStreams) as string[]).map((streamId, index) => {
      const [laterPositions, laterTimes] = more.get(streamId) ?? []
      const place = {
        firstVersion: BigInt(firstVersions[index] ?? 0),
        positions: [BigInt(firstPositions[index] ?? 0), ...(laterPositions?.split(',').map(BigInt) ?? [])],
        recordedAt: [...firstTimes.slice(index, index + 1), ...numbersOf(laterTimes)],
      }
      return [streamId, place]
    }),
  )
}

async function insertEvent(
  database: Database,
  { streamId, expected, events: [event] }: StreamAppend,
  shape: Shape,
  lockTimeoutMs: number | undefined,
): Promise<ReadonlyMap<string, StoredPart>> {
  if (!event) return new Map()
  const { id, type, schemaVersion, data, metadata, recordedAt } = event
  const values = [streamId, expected, id, type, schemaVersion, data, metadata]
  if (recordedAt !== undefined) values.push(recordedAt)
  if (lockTimeoutMs !== undefined) values.push(`${lockTimeoutMs}ms`)
  type Row = readonly [version: string, position: string, ...time: string[]]
  const [row] = await run<Row>(database, statementFor('event', shape), values)
  if (!row) return new Map()
  const [version, position, time] = row
  const place = { firstVersion: BigInt(version), positions: [BigInt(position)], recordedAt: numbersOf(time) }
  return new Map([[streamId, place]])
}

function numbersOf(list: string | null | undefined): readonly number[] {
  return list ? list.split(',').map(Number) : []
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
