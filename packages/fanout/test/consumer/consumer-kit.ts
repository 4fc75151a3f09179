import { createEventStore, type EventStore } from '@tidemark/eventstore'
import kafkajs, { type IHeaders, type Kafka, type Producer } from 'kafkajs'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, inject } from 'vitest'
import {
  createConsumer,
  createKafkaProducer,
  partitionFor,
  type Consumer,
  type ConsumerDefinition,
  type RunConsumerOptions,
} from '../../src/index.js'
import { useStoreDatabase } from '../store-database.js'
import { until } from '../until.js'

/** What these tests use: a store's database, a topic's producer that is not ours, consumers that are stopped after each test. */
export interface ConsumerKit {
  readonly pool: pg.Pool
  readonly url: string
  readonly store: EventStore
  readonly kafka: Kafka
  readonly brokers: string
  /** Creates a topic with a name of its own. */
  topic(partitions?: number, config?: Readonly<Record<string, string>>): Promise<string>
  /** Sends records, each to the partition of its key. */
  send(topic: string, records: readonly TestRecord[]): Promise<void>
  start(definition: ConsumerDefinition, options?: Partial<RunConsumerOptions>): Promise<Consumer>
  /** Reads a topic from its beginning until it has `count` records, byte by byte. */
  read(topic: string, count: number): Promise<ReadRecord[]>
}

export interface TestRecord {
  readonly key: string | null
  readonly value: Buffer | string | null
  readonly headers?: IHeaders
  readonly partition?: number
}

export interface ReadRecord {
  readonly partition: number
  readonly offset: string
  readonly timestamp: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, Buffer>>
}

let topics = 0

/** Sets all of it up for the tests of a file. */
export function useConsumerKit(): ConsumerKit {
  const database = useStoreDatabase({ max: 12 })
  const brokers = inject('kafkaBrokers') ?? ''
  const kafka = new kafkajs.Kafka({ brokers: [brokers], logLevel: kafkajs.logLevel.NOTHING })
  const admin = kafka.admin()
  const producer: Producer = kafka.producer({
    allowAutoTopicCreation: false,
    // It tries again while a topic is new, and must not write twice.
    idempotent: true,
    maxInFlightRequests: 1,
  })
  const partitions = new Map<string, number>()
  const started: Consumer[] = []
  let store: EventStore
  beforeAll(async () => {
    store = createEventStore(database.pool, { pollIntervalMs: 50 })
    await admin.connect()
    await producer.connect()
  })
  afterEach(async () => {
    await Promise.all(started.splice(0).map((consumer) => consumer.stop()))
  })
  afterAll(async () => {
    await producer.disconnect()
    await admin.disconnect()
    await store.close()
  })
  return {
    kafka,
    brokers,
    get pool() {
      return database.pool
    },
    get url() {
      return database.url
    },
    get store() {
      return store
    },
    async topic(count = 1, config = {}) {
      const topic = `consumer-${process.pid}-${Date.now()}-${++topics}`
      const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
      await admin.createTopics({
        topics: [{ topic, numPartitions: count, replicationFactor: 1, configEntries }],
        waitForLeaders: false,
      })
      await until(
        () => admin.fetchTopicMetadata({ topics: [topic] }).catch(() => undefined),
        (seen) => seen?.topics[0]?.partitions.length === count,
      )
      partitions.set(topic, count)
      return topic
    },
    async send(topic, records) {
      const count = partitions.get(topic) ?? 1
      await producer.send({
        topic,
        messages: records.map(({ key, value, headers = {}, partition }) => ({
          ...{ key, value, headers },
          partition: partition ?? (key === null ? 0 : partitionFor(key, count)),
        })),
      })
    },
    async start(definition, options = {}) {
      const consumer = createConsumer(store, definition, {
        kafka: { brokers: [brokers] },
        createTopics: { replicationFactor: 1 },
        sessionTimeoutMs: 6000,
        ...options,
      })
      started.push(consumer)
      await consumer.start()
      return consumer
    },
    async read(topic, count) {
      const reader = kafka.consumer({ groupId: `read-${process.pid}-${++topics}`, maxWaitTimeInMs: 200 })
      await reader.connect()
      await reader.subscribe({ topic, fromBeginning: true })
      const found = new Map<string, ReadRecord>()
      try {
        await new Promise<void>((resolve, reject) => {
          const timer = setTimeout(() => reject(new Error(`only ${found.size} of ${count} in ${topic}`)), 30_000)
          void reader.run({
            eachMessage: async ({ partition, message }) => {
              const { offset, timestamp, key, value, headers = {} } = message
              found.set(`${partition}/${offset}`, {
                partition,
                offset,
                timestamp,
                key,
                value,
                headers: headers as Record<string, Buffer>,
              })
              if (found.size < count) return
              clearTimeout(timer)
              resolve()
            },
          })
        })
      } finally {
        await reader.disconnect()
      }
      return [...found.values()]
    },
  }
}

/** A producer of ours for records that a test makes by itself. */
export const ownProducer = (brokers: string) => createKafkaProducer({ brokers: [brokers] })

/** The record of an order's event as a bridge would send it. */
export function orderRecord(
  id: string,
  version: number,
  type: string,
  data: unknown,
  headers: IHeaders = {},
): TestRecord {
  return {
    key: `order-${id}`,
    value: JSON.stringify(data),
    headers: {
      'content-type': 'application/json',
      ce_specversion: '1.0',
      ce_id: `${id}/${version}`,
      ce_source: '/tidemark/order',
      ce_type: type,
      ce_subject: `order-${id}`,
      ce_time: '2026-01-02T03:04:05.678Z',
      ce_streamversion: String(version),
      ...headers,
    },
  }
}
