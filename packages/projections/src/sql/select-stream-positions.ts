import { run, type Database, type Statement } from '@tidemark/eventstore'

// Each stream by its own look into the index: what many streams have together is easily taken for most of the log.
const statement: Statement = {
  name: 'select-stream-positions',
  text: (schema) => `
select e.position
  from unnest($1::text[], $2::bigint[]) as s(stream_id, up_to)
 cross join lateral (
   select position from ${schema}.events
    where stream_id = s.stream_id and type = any($3) and position > $4 and position <= s.up_to
   offset 0
 ) e
 order by e.position`,
}

/** A stream, and the last position of it that is wanted. */
export interface StreamEnd {
  readonly streamId: string
  readonly upTo: bigint
}

/** Where the events of some streams are, of all streams in the order of the log. */
export async function selectStreamPositions(
  database: Database,
  streams: readonly StreamEnd[],
  { types, after }: { readonly types: readonly string[]; readonly after: bigint },
): Promise<bigint[]> {
  const ids = streams.map(({ streamId }) => streamId)
  const ends = streams.map(({ upTo }) => String(upTo))
  const rows = await run<[string]>(database, statement, [ids, ends, types, after])
  return rows.map(([position]) => BigInt(position))
}
