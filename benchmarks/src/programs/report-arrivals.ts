// Follows the log from its head on and prints a line for each event: its id, and when its handler was called, by the machine's monotonic clock in ns.
import { createEventStore } from '@tidemark/eventstore'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import pg from 'pg'

const pool = new pg.Pool({ connectionString: process.argv[2], max: 5 })
const store = createEventStore(pool)
const { position } = await store.head()
let ready = false
const subscription = store.subscribe({
  name: `bench-${randomUUID()}`,
  batchSize: 5000,
  handle: async ({ events, to, checkpoint }) => {
    const now = process.hrtime.bigint()
    if (ready) process.stdout.write(events.map(({ id }) => `${id} ${now}\n`).join(''))
    await checkpoint.advance(pool, to)
    if (!ready && to.position >= position) {
      ready = true
      console.log('ready')
    }
  },
})
await once(process, 'SIGTERM')
await subscription.stop()
await store.close()
await pool.end()
