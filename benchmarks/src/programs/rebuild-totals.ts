// Builds the read model of the benchmarks anew, or helps with it, and prints the events that it handled, the seconds and its memory at most, in bytes.
import { createEventStore } from '@tidemark/eventstore'
import { rebuildProjection } from '@tidemark/projections'
import pg from 'pg'
import { orderTotals } from '../order-totals.js'

const [url, schema = 'tidemark', shards = '1', join = ''] = process.argv.slice(2)
const pool = new pg.Pool({ connectionString: url, max: 5 })
const store = createEventStore(pool, { schema, listen: false })
const { events, durationMs } = await rebuildProjection(store, orderTotals, {
  shards: Number(shards),
  join: join === 'join',
})
await store.close()
await pool.end()
console.log(JSON.stringify({ events, seconds: durationMs / 1000, bytes: process.resourceUsage().maxRSS * 1024 }))
