import type { RecordedEvent } from '@tidemark/eventstore'
import type pg from 'pg'
import type { LogReader, Mutant } from '../experiment.js'

const text = `
with bound as materialized (select safe_position from tidemark.safe_head())
select b.safe_position::text as through, e.*
  from bound b
  left join lateral (
    select position::text, id, stream_id, version::text, type, schema_version, data, metadata, recorded_at
      from tidemark.events
     where events.position > $1 and events.position <= b.safe_position
     order by events.position
     limit $2
  ) e on true
 order by e.position::bigint`

interface Row {
  readonly through: string
  readonly position: string | null
  readonly id: string
  readonly stream_id: string
  readonly version: string
  readonly type: string
  readonly schema_version: number
  readonly data: unknown
  readonly metadata: RecordedEvent['metadata']
  readonly recorded_at: Date
}

/** Reads the head and the rows in one statement: the rows' snapshot is older than the locks that the head saw. */
export const boundAndRowsTogether: Mutant = {
  name: 'bound-and-rows-together',
  defect: 'the head and the rows are read in one statement',
  experiment: 'gap-hunter',
  caughtBy: ['I4'],
  logReader: (pool) => ({ read: ({ after, limit }) => readTogether(pool, after, limit) }),
}

async function readTogether(pool: pg.Pool, after: bigint, limit: number): ReturnType<LogReader['read']> {
  const { rows } = await pool.query<Row>(text, [after, limit])
  const events = rows
    .filter(({ position }) => position !== null)
    .map(
      ({ position, version, stream_id: streamId, schema_version: schemaVersion, recorded_at: recordedAt, ...row }) => ({
        ...row,
        position: BigInt(position ?? 0),
        version: BigInt(version),
        streamId,
        category: streamId.split('-', 1)[0] ?? '',
        aggregateId: streamId.slice(streamId.indexOf('-') + 1),
        schemaVersion,
        recordedAt,
      }),
    )
  const full = events.length >= limit
  const last = events.at(-1)
  const bound = BigInt(rows[0]?.through ?? 0)
  return { events, through: full && last ? last.position : bound > after ? bound : after, atHead: !full }
}
