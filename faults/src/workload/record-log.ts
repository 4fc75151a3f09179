import type pg from 'pg'
import type { HistoryWriter } from '../history/history-writer.js'

const page = 5000

const text = `
select e.position::text, e.id, e.stream_id, e.version::text, e.data, e.metadata->>'causationId' as causation_id
  from tidemark.events e where e.position > $1 order by e.position limit $2`

interface Row {
  readonly position: string
  readonly id: string
  readonly stream_id: string
  readonly version: string
  readonly data: unknown
  readonly causation_id: string | null
}

/** Takes down the whole table of events, when nobody writes any more. */
export async function recordLog(pool: pg.Pool, history: HistoryWriter): Promise<void> {
  for (let after = '0'; ;) {
    const { rows } = await pool.query<Row>(text, [after, page])
    for (const { position, id, stream_id: streamId, version, data, causation_id: causationId } of rows) {
      const cause = causationId === null ? {} : { causationId }
      history.add({ kind: 'event', position, id, streamId, version, data, ...cause })
      after = position
    }
    if (rows.length < page) return
  }
}

/** The position of the last event that is committed; 0 when there is none. */
export async function lastPosition(pool: pg.Pool): Promise<bigint> {
  const { rows } = await pool.query<{ last: string }>(
    'select coalesce(max(position), 0)::text as last from tidemark.events',
  )
  return BigInt(rows[0]?.last ?? 0)
}
