// Run by tests as a process of its own, to be killed: feeds one read model until it is.
import { createEventStore } from '@tidemark/eventstore'
import { consumerFed } from '@tidemark/projections'
import pg from 'pg'
import { createProjectionConsumer } from '../../src/index.js'
import { orderTrails } from '../feed/order-trails.js'

const [url, brokers, topic] = process.argv.slice(2) as [string, string, string]
const pool = new pg.Pool({ connectionString: url })
const store = createEventStore(pool, { listen: false })
const consumer = createProjectionConsumer(consumerFed(store, orderTrails), {
  kafka: { brokers: brokers.split(',') },
  group: topic,
  topics: [topic],
  sessionTimeoutMs: 6000,
  batchSize: 20,
})
// The first of several that start at once takes the read model over, the others wait for it.
await consumer.start()
const report = setInterval(() => {
  const { applied, duplicates, failures, partitions, halted } = consumer.status()
  const line = { applied, duplicates, failures, partitions, halted: halted.map(({ error }) => error.message) }
  process.stdout.write(`${JSON.stringify(line)}\n`)
}, 100)
process.once('SIGTERM', () => {
  clearInterval(report)
  void consumer
    .stop()
    .then(() => store.close())
    .then(() => pool.end())
})
