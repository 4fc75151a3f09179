import { createEventStore } from '@tidemark/eventstore'
import { migrate } from '@tidemark/migrations'
import { readModelOf, rebuildProjection } from '@tidemark/projections'
import pg from 'pg'
import { v7 as uuidv7 } from 'uuid'
import { once } from '../harness.js'
import { orderTotals } from '../order-totals.js'
import { Order, orderPlaced } from '../workload.js'
import { poolSize, type ProjectingPeer } from './peer.js'

const pageSize = 5000

export const tidemark: ProjectingPeer = {
  name: 'Tidemark',

  async openStore(url) {
    await migrate(url)
    const pool = new pg.Pool({ connectionString: url, max: poolSize })
    const store = createEventStore(pool, { listen: false })
    return {
      append: (streamId, version, event) => store.append(Order, streamId, [event], { expectedVersion: version }),
      readStream: async (streamId) => (await store.readStream(`order-${streamId}`)).length,
      countEvents: async () => {
        const { rows } = await pool.query<{ count: string }>('select count(*) from tidemark.events')
        return Number(rows[0]?.count)
      },
      empty: async () => void (await pool.query('truncate tidemark.events')),
      close: async () => {
        await store.close()
        await pool.end()
      },
    }
  },

  async openLog(url) {
    await migrate(url)
    const pool = new pg.Pool({ connectionString: url, max: poolSize })
    return {
      fill: async (events, streams) => {
        const { type, data, metadata } = orderPlaced(1)
        await pool.query(
          `insert into tidemark.events (stream_id, version, id, schema_version, type, data, metadata)
           select 'order-' || n % $2, 1 + n / $2, gen_random_uuid(), 1, $3, $4, $5
             from generate_series(0, $1::integer - 1) n`,
          [events, streams, type, JSON.stringify(data), JSON.stringify(metadata)],
        )
      },
      catchUp: async () => {
        const store = createEventStore(pool, { listen: false })
        const { position } = await store.head()
        const run = await once(async () => {
          let count = 0
          await new Promise<void>((resolve) =>
            store.subscribe({
              name: uuidv7(),
              batchSize: pageSize,
              handle: async ({ events, to, checkpoint }) => {
                count += events.length
                await checkpoint.advance(pool, to)
                if (to.position >= position) resolve()
              },
            }),
          )
          return count
        })
        await store.close()
        return run
      },
      rebuild: async () => {
        await pool.query('drop schema tidemark_read cascade; create schema tidemark_read')
        await pool.query('truncate tidemark.checkpoints, tidemark.projections')
        const store = createEventStore(pool, { listen: false })
        const { seconds } = await once(async () => (await rebuildProjection(store, orderTotals)).events)
        const { view } = readModelOf(store, orderTotals)
        const { rows } = await pool.query<{ sum: string }>(`select sum(orders) from ${view}`)
        await store.close()
        return { count: Number(rows[0]?.sum), seconds }
      },
      close: () => pool.end(),
    }
  },
}
