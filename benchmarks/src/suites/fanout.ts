import { createEventStore } from '@tidemark/eventstore'
import { migrate } from '@tidemark/migrations'
import { startLocalKafka } from '@tidemark/test-servers'
import type pg from 'pg'
import { startBenchDatabase } from '../bench-database.js'
import { bridgeWithoutBroker, idleBridge } from '../bridge-cost-contenders.js'
import { bareReads, consumes, liveConsumption, publishedLog } from '../consume-contenders.js'
import type { PreparedSuite } from '../harness.js'
import { bareSends, catchUps, liveSends } from '../send-contenders.js'
import { Order, orderPlaced } from '../workload.js'

const liveSchema = 'fanout_live'
const sizes = {
  short: { events: 50_000, downMs: 30_000 },
  full: { events: 200_000, downMs: 600_000 },
} as const

/** From the log to one real broker: what is there already, what comes, and what a bridge costs that has nothing to do or cannot. */
export async function prepareFanout(isShort: boolean): Promise<PreparedSuite> {
  const { events, downMs } = sizes[isShort ? 'short' : 'full']
  const [database, kafka] = await Promise.all([startBenchDatabase(), startLocalKafka()])
  const { pool, url } = database
  const client = await pool.connect()
  await migrate(client, { schema: liveSchema })
  client.release()
  await fill(pool, events)
  const options = { pool, brokers: kafka.bootstrapServers }
  const log = publishedLog(options)
  const costs = { url, pool, kafka, schema: liveSchema, downMs }
  return {
    contenders: [
      bareSends(options),
      catchUps(options),
      liveSends(options, liveSchema),
      bareReads(options, log),
      consumes(options, log),
      liveConsumption(options, liveSchema),
      idleBridge(costs),
      bridgeWithoutBroker(costs),
    ],
    close: async () => {
      await Promise.all([database.close(), kafka.close()])
    },
  }
}

async function fill(pool: pg.Pool, events: number): Promise<void> {
  const store = createEventStore(pool, { listen: false })
  for (let from = 0; from < events; from += 2000) {
    const appends = Array.from({ length: Math.min(2000, events - from) }, (_, index) =>
      store.append(Order, `o-${from + index}`, [orderPlaced(from + index)], { expectedVersion: 0 }),
    )
    await Promise.all(appends)
  }
  await store.close()
  await pool.query('vacuum analyze tidemark.events')
}
