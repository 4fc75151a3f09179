// Run by tests as a process of its own, to be killed: runs one bridge until it is.
import { createEventStore } from '@tidemark/eventstore'
import pg from 'pg'
import { createBridge, createKafkaProducer, defineBridge } from '../../src/index.js'

const [url, brokers, topic, name, readBack] = process.argv.slice(2) as [string, string, string, string, string?]
const pool = new pg.Pool({ connectionString: url })
const store = createEventStore(pool, { pollIntervalMs: 50 })
const producer = createKafkaProducer({ brokers: brokers.split(',') })
const createTopics = { partitions: 4, replicationFactor: 1 }
const options = {
  producer,
  createTopics,
  batchSize: 50,
  leaseMs: 1000,
  ...(readBack !== undefined && { readBack: Number(readBack) }),
}
const bridge = createBridge(store, defineBridge({ name, topic }), options)
await bridge.start()
process.stdout.write('started\n')
