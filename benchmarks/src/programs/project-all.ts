// Catches a read model up with the whole log and prints what memory that took at most, in bytes: a process of its own, for its memory's sake.
import { createEventStore } from '@tidemark/eventstore'
import { createProjector } from '@tidemark/projections'
import pg from 'pg'
import { orderTotals } from '../order-totals.js'

const pool = new pg.Pool({ connectionString: process.argv[2], max: 5 })
const store = createEventStore(pool, { listen: false })
const projector = createProjector(store, [orderTotals])
const { position } = await store.head()
await projector.start()
const outcome = await projector.waitFor(orderTotals.name, position, { timeoutMs: 600_000 })
await projector.stop()
await store.close()
await pool.end()
if (outcome !== 'reached') throw new Error(`the projection is ${outcome}`)
console.log(process.resourceUsage().maxRSS * 1024)
