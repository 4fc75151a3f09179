// Run by tests as a process of its own, to be killed: runs one bridge until it is.
import { createEventStore } from '@tidemark/eventstore'
import pg from 'pg'
import {
  createBridge,
  createKafkaProducer,
  defineBridge,
  type BridgeOptions,
  type RunBridgeOptions,
} from '../../src/index.js'

interface Given {
  readonly databaseUrl: string
  readonly brokers: string
  readonly topic: string
  readonly name: string
  readonly definition?: Partial<BridgeOptions>
  readonly options?: Partial<RunBridgeOptions>
}

const { databaseUrl, brokers, topic, name, definition, options } = JSON.parse(process.argv[2] ?? '{}') as Given
const pool = new pg.Pool({ connectionString: databaseUrl })
const store = createEventStore(pool, { pollIntervalMs: 50 })
const bridge = createBridge(store, defineBridge({ name, topic, ...definition }), {
  producer: () => createKafkaProducer({ brokers: brokers.split(',') }),
  createTopics: { partitions: 4, replicationFactor: 1 },
  ...{ batchSize: 50, leaseMs: 1000, ...options },
})
await bridge.start()
process.stdout.write('started\n')
