import { createEventStore, type EventStore, type RecordedEvent } from '@tidemark/eventstore'
import { afterAll, afterEach, beforeAll, inject } from 'vitest'
import {
  createBridge,
  createKafkaProducer,
  defineBridge,
  type Bridge,
  type BridgeOptions,
  type BridgeStatus,
  type KafkaProducerPort,
  type RunBridgeOptions,
} from '../src/index.js'
import { readLog } from './read-topic.js'
import { useStoreDatabase } from './store-database.js'
import { until } from './until.js'

let topics = 0

/** A topic that no other test has. */
export const uniqueTopic = () => `bridge-${process.pid}-${Date.now()}-${++topics}`

/** The events of orders whose ids begin with a text; each test has orders of its own. */
export const onlyOrders =
  (prefix: string) =>
  ({ aggregateId }: RecordedEvent): boolean =>
    aggregateId.startsWith(prefix)

/** A store of its own for a test file, and bridges on it that end with their test. */
export function useBridges() {
  const database = useStoreDatabase()
  const state: { store?: EventStore } = {}
  const ends: (() => Promise<void>)[] = []

  beforeAll(() => {
    state.store = createEventStore(database.pool, { pollIntervalMs: 50 })
  })
  afterEach(async () => {
    await Promise.all(ends.splice(0).map((end) => end()))
  })
  afterAll(() => state.store?.close())

  const brokers = inject('kafkaBrokers')!
  const createTopics = { partitions: 4, replicationFactor: 1 }
  const newProducer = (): KafkaProducerPort => {
    const producer = createKafkaProducer({ brokers: [brokers] })
    ends.push(() => producer.disconnect())
    return producer
  }
  return {
    database,
    brokers,
    createTopics,
    newProducer,
    get store() {
      return state.store!
    },
    /** The events in the log of orders whose ids begin with a text. */
    logOf: async (prefix: string): Promise<RecordedEvent[]> => (await readLog(state.store!)).filter(onlyOrders(prefix)),
    startBridge: async (definition: BridgeOptions, options: Partial<RunBridgeOptions> = {}): Promise<Bridge> => {
      const producer = options.producer ?? newProducer()
      const bridge = createBridge(state.store!, defineBridge(definition), { createTopics, ...options, producer })
      ends.push(() => bridge.stop())
      await bridge.start()
      return bridge
    },
    caughtUp: (bridge: Bridge): Promise<BridgeStatus> =>
      until(
        () => bridge.status(),
        ({ lag, state }) => lag === 0n && state === 'running',
      ),
  }
}
