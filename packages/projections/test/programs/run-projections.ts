// Run by tests as a process of its own, to be killed or paused: follows the log, or rebuilds a read model.
import { createEventStore } from '@tidemark/eventstore'
import pg from 'pg'
import { createProjector, readModelsIn, rebuildProjection } from '../../src/index.js'
import { customerTotals } from '../order.js'

const [url, task, readUrl] = process.argv.slice(2) as [string, 'follow' | 'rebuild', string | undefined]
const pool = new pg.Pool({ connectionString: url })
const store = createEventStore(pool, { pollIntervalMs: 50 })
const readPool = new pg.Pool({ connectionString: readUrl ?? url })
const readModels = readUrl === undefined ? store : await readModelsIn(store, readPool, { schema: 'reads' })
if (task === 'rebuild') {
  await rebuildProjection(readModels, customerTotals, { batchSize: 100, rowsPerTransaction: 50, leaseMs: 1000 })
  await store.close()
  await Promise.all([pool.end(), readPool.end()])
} else {
  await createProjector(readModels, [customerTotals], { batchSize: 20, leaseMs: 1000, watchIntervalMs: 50 }).start()
}
process.stdout.write('started\n')
