// Serves the read model and the commands of the benchmarks over HTTP until its stdin ends: with Tidemark, or as a bare Fastify app with the same queries.
import { createServer } from '@tidemark/api'
import { createEventStore } from '@tidemark/eventstore'
import fastify from 'fastify'
import pg from 'pg'
import { orderTotals } from '../order-totals.js'
import { Order } from '../workload.js'

const [url, kind] = process.argv.slice(2) as [string, 'tidemark' | 'bare']
const columns = 'order_id as "orderId", customer_id as "customerId", orders, total, placed_at as "placedAt"'

async function serveTidemark(): Promise<string> {
  const pool = new pg.Pool({ connectionString: url, max: 10 })
  const app = createServer({ store: createEventStore(pool), aggregates: [Order], projections: [orderTotals] })
  return app.listen({ port: 0, host: '127.0.0.1' })
}

/** The same statements by the same driver, with as many connections as reads of Tidemark take. */
async function serveBare(): Promise<string> {
  const pool = new pg.Pool({ connectionString: url, max: 4 })
  const app = fastify()
  app.get<{ Params: { id: string } }>('/v1/order-totals/:id', async ({ params }) => {
    const { rows } = await pool.query(`select ${columns} from tidemark_read.order_totals where order_id = $1`, [
      params.id,
    ])
    return rows[0] as object
  })
  app.get('/v1/order-totals', async () => {
    const { rows } = await pool.query(`select ${columns} from tidemark_read.order_totals order by order_id limit 51`)
    return { data: rows.slice(0, 50) }
  })
  return app.listen({ port: 0, host: '127.0.0.1' })
}

process.stdin.resume().once('end', () => process.exit())
process.stdout.write(`${await (kind === 'tidemark' ? serveTidemark() : serveBare())}\n`)
