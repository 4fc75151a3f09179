import { run, type Database, type Statement } from '../database.js'
import { partsOf } from '../stream-id.js'

/** A stream and its newest event. */
export interface StreamSummary {
  readonly streamId: string
  readonly category: string
  readonly version: bigint
  readonly lastType: string
  readonly lastPosition: bigint
  readonly lastRecordedAt: Date
}

// Jumps from stream to stream on the index of (stream_id, version), so that the events between them are not read.
const statement: Statement = {
  name: 'select-streams',
  text: (schema) => `
with recursive streams as (
  (select min(stream_id) as stream_id from ${schema}.events where stream_id > $1 and stream_id >= $2 and stream_id < $3)
  union all
  select (select min(e.stream_id) from ${schema}.events e where e.stream_id > s.stream_id and e.stream_id < $3)
    from streams s
   where s.stream_id is not null
)
select s.stream_id, e.version, e.type, e.position, extract(epoch from e.recorded_at) * 1000
  from (select stream_id from streams where stream_id is not null limit $4) s
 cross join lateral (
   select version, type, position, recorded_at from ${schema}.events
    where stream_id = s.stream_id order by version desc limit 1
 ) e
 order by s.stream_id`,
}

/** Above every character of an id in Postgres's "C" order. */
const end = '\u{10FFFF}'

/** Which streams are meant; those of a category have the prefix `category-`. */
export interface StreamSelection {
  readonly prefix?: string
  /** Exclusive. */
  readonly after?: string
  readonly limit: number
}

/**
 * The streams whose ids begin with a text, after a given one, in the order of their ids; each with its newest event, although that may be above the safe
 * head.
 *
 * @example
 * const streams = await selectStreams(store.database, { prefix: 'order-', limit: 50 })
 */
export async function selectStreams(
  database: Database,
  { prefix = '', after = '', limit }: StreamSelection,
): Promise<StreamSummary[]> {
  const values = [after, prefix, `${prefix}${end}`, limit]
  const rows = await run<[string, string, string, string, string]>(database, statement, values)
  return rows.map(([streamId, version, lastType, lastPosition, at]) => ({
    ...{ streamId, category: partsOf(streamId).category },
    ...{ version: BigInt(version), lastType, lastPosition: BigInt(lastPosition) },
    lastRecordedAt: new Date(Number(at)),
  }))
}
