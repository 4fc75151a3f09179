import { run, type Database, type Statement } from '@tidemark/eventstore'

/** A stream and its newest event. */
export interface StreamSummary {
  readonly streamId: string
  readonly version: bigint
  readonly lastType: string
  readonly lastRecordedAt: Date
}

// Jumps from stream to stream on the index of (stream_id, version), so that the events between them are not read.
const statement: Statement = {
  name: 'cli/select-streams',
  text: (schema) => `
with recursive streams as (
  (select min(stream_id) as stream_id from ${schema}.events where stream_id > $1 and stream_id < $2)
  union all
  select (select min(e.stream_id) from ${schema}.events e where e.stream_id > s.stream_id and e.stream_id < $2)
    from streams s
   where s.stream_id is not null
)
select s.stream_id, e.version::text, e.type, extract(epoch from e.recorded_at)::text
  from (select stream_id from streams where stream_id is not null limit $3) s
 cross join lateral (
   select version, type, recorded_at from ${schema}.events
    where stream_id = s.stream_id order by version desc limit 1
 ) e
 order by s.stream_id`,
}

/** Above every character of an id in Postgres's "C" order. */
const end = '\u{10FFFF}'

/** The streams after a given one in the order of their ids, of one category or of all. */
export async function selectStreams(
  database: Database,
  {
    category,
    after = '',
    limit,
  }: { readonly category?: string | undefined; readonly after?: string; readonly limit: number },
): Promise<StreamSummary[]> {
  // A dot follows the dash in the "C" order.
  const [from, to] = category === undefined ? ['', end] : [`${category}-`, `${category}.`]
  const rows = await run<[string, string, string, string]>(database, statement, [
    after > from ? after : from,
    to,
    limit,
  ])
  return rows.map(([streamId, version, lastType, seconds]) => ({
    streamId,
    version: BigInt(version),
    lastType,
    lastRecordedAt: new Date(Number(seconds) * 1000),
  }))
}
