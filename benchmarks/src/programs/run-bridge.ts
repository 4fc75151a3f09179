// Runs a bridge with one topic until it is told `end` on stdin, and prints then what CPU time it took and what memory it had at most.
import { createInterface } from 'node:readline'
import { createEventStore } from '@tidemark/eventstore'
import { createBridge, createKafkaProducer, defineBridge } from '@tidemark/fanout'
import pg from 'pg'

const [url, brokers, schema, name] = process.argv.slice(2) as [string, string, string, string]
const pool = new pg.Pool({ connectionString: url, max: 5 })
pool.on('error', () => undefined)
const store = createEventStore(pool, { schema })
const producer = createKafkaProducer({ brokers: brokers.split(',') })
const createTopics = { partitions: 6, replicationFactor: 1 }
const bridge = createBridge(store, defineBridge({ name, topic: name }), { producer, createTopics })
await bridge.start()
let cpu = process.cpuUsage()
for await (const line of createInterface(process.stdin)) {
  if (line === 'begin') {
    cpu = process.cpuUsage()
    console.log('begun')
  }
  if (line === 'end') break
}
const { user, system } = process.cpuUsage(cpu)
console.log(JSON.stringify({ cpuSeconds: (user + system) / 1e6, bytes: process.resourceUsage().maxRSS * 1024 }))
process.exit()
