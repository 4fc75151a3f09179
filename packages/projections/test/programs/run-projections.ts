// Run by tests as a process of its own, to be killed or paused: follows the log, or rebuilds a read model.
import { createEventStore } from '@tidemark/eventstore'
import pg from 'pg'
import { createProjector, rebuildProjection } from '../../src/index.js'
import { customerTotals } from '../order.js'

const [url, task] = process.argv.slice(2) as [string, 'follow' | 'rebuild']
const pool = new pg.Pool({ connectionString: url })
const store = createEventStore(pool, { pollIntervalMs: 50 })
if (task === 'rebuild') {
  await rebuildProjection(store, customerTotals, { batchSize: 100, rowsPerTransaction: 50, leaseMs: 1000 })
  await store.close()
  await pool.end()
} else {
  await createProjector(store, [customerTotals], { batchSize: 20, leaseMs: 1000, watchIntervalMs: 50 }).start()
}
process.stdout.write('started\n')
