import { migrate } from '@tidemark/migrations'
import type pg from 'pg'
import { uuidFunction } from './bench-database.js'
import { emptyReadModels } from './empty-read-models.js'
import type { Contender } from './harness.js'
import { rebuildElsewhere } from './rebuild-contenders.js'
import { orderPlaced } from './workload.js'

const keys = 100_000
const fillChunk = 1_000_000
const [small, large] = [1_000_000, 10_000_000]

/**
 * A rebuild of ten times the log: the rate and the memory must stay what they were.
 *
 * The long log is filled for the first of its rounds, and takes 11 GB of disk.
 */
export function rebuildsAtSize(pool: pg.Pool, url: string): readonly Contender[] {
  const bytes = new Map<number, number>()
  const filled = new Set<number>()
  const rebuild = (size: number, against?: string): Contender => ({
    name: nameOf(size),
    unit: 'events',
    ...(against !== undefined && { against }),
    run: async () => {
      const schema = `rebuilt_${size}`
      if (!filled.has(size)) await fill(pool, schema, size)
      filled.add(size)
      await emptyReadModels(pool, schema)
      const { events, seconds, bytes: used } = await rebuildElsewhere(url, [schema])
      bytes.set(size, used)
      return { count: events, seconds }
    },
  })
  const memory = (size: number, against?: string): Contender => ({
    name: `${nameOf(size)}, memory`,
    unit: 'MB',
    ...(against !== undefined && { against }),
    run: () => Promise.resolve({ count: (bytes.get(size) ?? Number.NaN) / 1024 / 1024, seconds: 1 }),
  })
  return [rebuild(small), rebuild(large, nameOf(small)), memory(small), memory(large, `${nameOf(small)}, memory`)]
}

const nameOf = (size: number) => `rebuild ${size / 1_000_000}M events`

async function fill(pool: pg.Pool, schema: string, size: number): Promise<void> {
  const client = await pool.connect()
  try {
    await migrate(client, { schema })
    const { data, metadata } = orderPlaced(1)
    const uuid = await uuidFunction(client)
    for (let from = 0; from < size; from += fillChunk) {
      await client.query(
        `insert into ${schema}.events (stream_id, version, id, schema_version, type, data, metadata)
         select 'order-o-' || n % $1::bigint, 1 + n / $1::bigint, ${uuid}, 1, 'OrderPlaced', $2::json, $3::json
           from generate_series($4::bigint, $5::bigint) n`,
        [keys, JSON.stringify(data), JSON.stringify(metadata), from, Math.min(from + fillChunk, size) - 1],
      )
    }
    await client.query(`vacuum analyze ${schema}.events`)
    await client.query('checkpoint')
  } finally {
    client.release()
  }
}
