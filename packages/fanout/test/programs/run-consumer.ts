// Run by tests as a process of its own, to be killed: runs one consumer until it is.
import pg from 'pg'
import { createConsumer, defineBatchConsumer, defineConsumer } from '../../src/index.js'
import { Order } from '../order.js'

const [url, brokers, topic, mode, table] = process.argv.slice(2) as [string, string, string, string, string]
const pool = new pg.Pool({ connectionString: url })
const base = { name: topic, topics: [topic], deadLetter: false } as const
const insert = `insert into ${table} (member, order_id, amount) select $1, * from unnest($2::text[], $3::int[])`
const definition =
  mode === 'batch'
    ? defineBatchConsumer({
        ...base,
        on: Order,
        types: ['OrderPaid'],
        batchSize: 20,
        handleBatch: async (transaction, events) => {
          const ids = events.map(({ aggregateId }) => aggregateId)
          const amounts = events.map(({ data }) => ('amount' in data ? data.amount : 0))
          await transaction.query(insert, [process.pid, ids, amounts])
        },
      })
    : defineConsumer({
        ...base,
        on: [
          Order,
          {
            OrderPaid: async (transaction, { aggregateId, data }) => {
              await transaction.query(insert, [process.pid, [aggregateId], [data.amount]])
              await new Promise((resolve) => setTimeout(resolve, 5))
            },
          },
        ],
      })
const consumer = createConsumer(pool, definition, {
  kafka: { brokers: brokers.split(',') },
  sessionTimeoutMs: 6000,
})
await consumer.start()
process.stdout.write('started\n')
process.once('SIGTERM', () => void consumer.stop().then(() => pool.end()))
