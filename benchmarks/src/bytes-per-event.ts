import type { EventStore } from '@tidemark/eventstore'
import type pg from 'pg'
import { v7 as uuidv7 } from 'uuid'
import { emptyLogs } from './bench-database.js'
import type { Contender, Run } from './harness.js'
import { Order, orderPlaced } from './workload.js'

const streams = 5_000
const eventsPerStream = 10
const writers = 32

const compactJson = 'compact JSON of an event'

/** What an event takes on disk, whole and by its parts, against the JSON of its data and metadata alone. */
export async function bytesPerEvent(store: EventStore, pool: pg.Pool): Promise<Contender[]> {
  const { rows } = await pool.query<{ name: string }>(
    `select relname as name from pg_class join pg_index on indexrelid = pg_class.oid
      where indrelid = 'tidemark.events'::regclass order by 1`,
  )
  const size = (name: string, select: string, prepare?: () => Promise<void>): Contender => ({
    name,
    unit: 'bytes',
    ...(name !== compactJson && { against: compactJson }),
    run: async () => {
      await prepare?.()
      return perEvent(pool, select)
    },
  })
  return [
    size(compactJson, 'sum(octet_length(data::text) + octet_length(metadata::text))', () => fill(store, pool)),
    size('bytes per event', `pg_total_relation_size('tidemark.events')`),
    size('bytes per event, table', `pg_table_size('tidemark.events')`),
    ...rows.map(({ name }) => size(`bytes per event, ${name}`, `pg_relation_size('tidemark.${name}')`)),
  ]
}

/** Appends as a program would: streams begin and grow side by side, so that the indexes are filled in that order too. */
async function fill(store: EventStore, pool: pg.Pool): Promise<void> {
  await emptyLogs(pool)
  let begun = 0
  const write = async () => {
    while (begun++ < streams) {
      const id = uuidv7()
      for (let version = 0; version < eventsPerStream; version++)
        await store.append(Order, id, [orderPlaced(version)], { expectedVersion: version })
    }
  }
  await Promise.all(Array.from({ length: writers }, write))
}

async function perEvent(pool: pg.Pool, select: string): Promise<Run> {
  const { rows } = await pool.query<{ bytes: number }>(
    `select ${select}::float8 / count(*) as bytes from tidemark.events`,
  )
  return { count: rows[0]?.bytes ?? Number.NaN, seconds: 1 }
}
