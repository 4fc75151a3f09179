import { migrate } from '@tidemark/migrations'
import { createEventStore, type EventStore } from '@tidemark/eventstore'
import pg from 'pg'
import { v7 as uuidv7 } from 'uuid'
import { repeat, type Contender, type PreparedSuite } from './harness.js'
import { uuidFunction } from './bench-database.js'
import { orderPlaced, Order } from './workload.js'

const streamLength = 100
const fillChunk = 1_000_000
const callers = 32
const [small, medium, large] = [100_000, 1_000_000, 20_000_000]

/** Appends into a store that is long already, against the same into a short one: a store must not slow down as its log grows. */
export async function prepareAppendAtSize(url: string, isShort: boolean): Promise<PreparedSuite> {
  const pool = new pg.Pool({ connectionString: url, max: 10 })
  const sizes = [small, isShort ? medium : large]
  if (!isShort) console.error('filling a log of 20 million events: 22 GB of disk for the time; --short has one million')
  const stores: { size: number; store: EventStore }[] = []
  for (const size of sizes) {
    const schema = schemaOf(size)
    if (size !== small) await fill(pool, schema, size)
    stores.push({ size, store: createEventStore(pool, { schema, listen: false }) })
  }
  const contenders = stores.map(({ size, store }): Contender => {
    let n = 0
    return {
      name: nameOf(size),
      unit: 'appends',
      ...(size !== small && { against: nameOf(small) }),
      run: async (milliseconds) => {
        // What a round adds is much for the short one, and nothing for the long one.
        if (size === small) await fill(pool, schemaOf(small), small)
        return repeat(callers, milliseconds, async () => {
          // Every other append begins a stream; the rest go to streams from all over the log.
          const isNew = n++ % 2 === 0
          const id = isNew ? uuidv7() : `old-${Math.floor((Math.random() * size) / streamLength)}`
          await store.append(Order, id, [orderPlaced(n)], { expectedVersion: isNew ? 0 : 'any' })
          return 1
        })
      },
    }
  })
  return {
    contenders,
    close: async () => {
      for (const { store } of stores) await store.close()
      for (const { size } of stores) await pool.query(`drop schema ${schemaOf(size)} cascade`)
      await pool.end()
    },
  }
}

const schemaOf = (size: number) => `filled_${size}`
const nameOf = (size: number) => `append at ${size < 1_000_000 ? `${size / 1000}k` : `${size / 1_000_000}M`} events`

/** Fills through the table with its indexes, in the order in which a program would: streams grow side by side. */
async function fill(pool: pg.Pool, schema: string, size: number): Promise<void> {
  const client = await pool.connect()
  try {
    await migrate(client, { schema })
    await client.query(`truncate ${schema}.events`)
    const { data, metadata } = orderPlaced(1)
    const values = [size / streamLength, JSON.stringify(data), JSON.stringify(metadata)]
    const uuid = await uuidFunction(client)
    for (let from = 0; from < size; from += fillChunk) {
      await client.query(
        `insert into ${schema}.events (stream_id, version, id, schema_version, type, data, metadata)
         select 'order-old-' || n % $1::bigint, 1 + n / $1::bigint, ${uuid}, 1, 'OrderPlaced', $2::json, $3::json
           from generate_series($4::bigint, $5::bigint) n`,
        [...values, from, Math.min(from + fillChunk, size) - 1],
      )
    }
    await client.query(`vacuum analyze ${schema}.events`)
    await client.query('checkpoint')
  } finally {
    client.release()
  }
}
