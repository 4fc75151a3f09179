// Builds the read model of the benchmarks anew, or helps with it, and prints the events that it handled, the seconds and its memory at most, in bytes.
import { setTimeout as sleep } from 'node:timers/promises'
import { createEventStore } from '@tidemark/eventstore'
import { rebuildProjection } from '@tidemark/projections'
import pg from 'pg'
import { orderTotals } from '../order-totals.js'

const [url, schema = 'tidemark', shards = '1', join = ''] = process.argv.slice(2)
const pool = new pg.Pool({ connectionString: url, max: 5 })
const store = createEventStore(pool, { schema, listen: false })
const options = { shards: Number(shards), join: join === 'join' }
let rebuild = await rebuildProjection(store, orderTotals, options)
// Whoever joins may be there before there is a build.
while (rebuild.table === undefined) {
  await sleep(2)
  rebuild = await rebuildProjection(store, orderTotals, options)
}
const { events, durationMs } = rebuild
await store.close()
await pool.end()
console.log(JSON.stringify({ events, seconds: durationMs / 1000, bytes: process.resourceUsage().maxRSS * 1024 }))
