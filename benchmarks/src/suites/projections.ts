import { createEventStore } from '@tidemark/eventstore'
import { createProjector, rebuildProjection } from '@tidemark/projections'
import pg from 'pg'
import { startBenchDatabase } from '../bench-database.js'
import { once, type PreparedSuite } from '../harness.js'
import { readKeyset } from '../keyset-read.js'
import { orderTotals } from '../order-totals.js'
import { Order, orderPlaced } from '../workload.js'

const eventCount = 1_000_000
const keyCount = 100_000
const pageSize = 1000

/** A log of a million events into a table of 100,000 rows, live and by a rebuild, against reading the same rows and nothing else. */
export async function prepareProjections(): Promise<PreparedSuite> {
  const database = await startBenchDatabase()
  const { pool } = database
  await fill(database.url)
  return {
    contenders: [
      {
        name: `keyset read`,
        unit: 'events',
        run: () => once(() => readKeyset(database.url, pageSize)),
      },
      {
        name: 'catch-up table',
        unit: 'events',
        against: 'keyset read',
        run: async () => {
          await pool.query('drop schema tidemark_read cascade; create schema tidemark_read')
          await pool.query('truncate tidemark.checkpoints, tidemark.projections')
          const store = createEventStore(pool, { listen: false })
          const projector = createProjector(store, [orderTotals])
          const { position } = await store.head()
          const run = await once(async () => {
            await projector.start()
            const outcome = await projector.waitFor(orderTotals.name, position, { timeoutMs: 600_000 })
            if (outcome !== 'reached') throw new Error(`the projection is ${outcome}`)
            return eventCount
          })
          await projector.stop()
          await store.close()
          return run
        },
      },
      {
        name: 'rebuild 1 worker',
        unit: 'events',
        against: 'keyset read',
        run: async () => {
          await pool.query('drop schema tidemark_read cascade; create schema tidemark_read')
          await pool.query('truncate tidemark.checkpoints, tidemark.projections')
          const store = createEventStore(pool, { listen: false })
          const run = await once(async () => (await rebuildProjection(store, orderTotals)).events)
          await store.close()
          return run
        },
      },
    ],
    close: () => database.close(),
  }
}

async function fill(url: string): Promise<void> {
  const pool = new pg.Pool({ connectionString: url, max: 4 })
  const store = createEventStore(pool, { listen: false })
  for (let from = 0; from < eventCount; from += keyCount) {
    for (let key = 0; key < keyCount; key += 2000) {
      const appends = Array.from({ length: 2000 }, (_, index) =>
        store.append(Order, `o-${key + index}`, [orderPlaced(from + key + index)], { expectedVersion: 'any' }),
      )
      await Promise.all(appends)
    }
  }
  await store.close()
  await pool.query('vacuum analyze tidemark.events')
  await pool.end()
}
