import { createEventStore, type RecordedEvent } from '@tidemark/eventstore'
import {
  cloudEventHeaders,
  createBridge,
  createKafkaProducer,
  defineBridge,
  partitionFor,
  type KafkaProducerPort,
} from '@tidemark/fanout'
import kafkajs, { type Message } from 'kafkajs'
import type pg from 'pg'
import { v7 as uuidv7 } from 'uuid'
import { once, type Contender, type Run } from './harness.js'
import { Order, orderPlaced } from './workload.js'

export const partitions = 6
const batchSize = 500
const perSecond = 1000
export const bareSend = 'kafkajs, batches of 500'

export interface SendOptions {
  readonly pool: pg.Pool
  readonly brokers: string
}

/** A topic of its own for each run, so that none finds what others have sent. */
let topics = 0
export const nextTopic = () => `bench-${process.pid}-${++topics}`

/** The records of a whole log by the bare client: made beforehand, idempotent, acknowledged by all replicas, one send in flight. */
export function bareSends({ pool, brokers }: SendOptions): Contender {
  let records: readonly Message[] | undefined
  return {
    name: bareSend,
    unit: 'records',
    run: async () => {
      records ??= await recordsOfLog(pool)
      const kafka = new kafkajs.Kafka({ brokers: [brokers], logLevel: kafkajs.logLevel.NOTHING })
      const topic = nextTopic()
      const admin = kafka.admin()
      await admin.connect()
      await admin.createTopics({ topics: [{ topic, numPartitions: partitions }], waitForLeaders: true })
      // The broker answers before it has told itself.
      const isKnown = () =>
        admin.fetchTopicMetadata({ topics: [topic] }).then(
          () => true,
          () => false,
        )
      while (!(await isKnown())) await new Promise((resolve) => setTimeout(resolve, 20))
      await admin.disconnect()
      const createPartitioner =
        () =>
        ({ message }: { message: Message }) =>
          message.partition ?? 0
      const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, createPartitioner })
      await producer.connect()
      const all = records
      const run = await once(async () => {
        for (let from = 0; from < all.length; from += batchSize) {
          await producer.sendBatch({
            acks: -1,
            topicMessages: [{ topic, messages: all.slice(from, from + batchSize) }],
          })
        }
        return all.length
      })
      await producer.disconnect()
      return run
    },
  }
}

/** A bridge that begins at the first event of the same log. */
export function catchUps({ pool, brokers }: SendOptions): Contender {
  return {
    name: 'fanout catch-up',
    unit: 'records',
    against: bareSend,
    run: async () => {
      const topic = nextTopic()
      const store = createEventStore(pool, { listen: false })
      const producer = createKafkaProducer({ brokers: [brokers] })
      const { position } = await store.head()
      const bridge = createBridge(store, defineBridge({ name: topic, topic }), {
        ...{ producer, batchSize, createTopics: { partitions, replicationFactor: 1 } },
      })
      const run = await once(async () => {
        await bridge.start()
        while ((await bridge.status()).position < position) await new Promise((resolve) => setTimeout(resolve, 20))
        return (await bridge.status()).published ?? 0
      })
      await bridge.stop()
      await producer.disconnect()
      await store.close()
      return run
    },
  }
}

/** From the end of an append to Kafka's acknowledgement of its event, at 1,000 events/s. */
export function liveSends({ pool, brokers }: SendOptions, schema: string): Contender {
  return {
    name: 'commit to acknowledged, 1,000 events/s',
    unit: 'events',
    run: async (milliseconds) => {
      await pool.query(`truncate ${schema}.events`)
      const topic = nextTopic()
      const store = createEventStore(pool, { schema, listen: false })
      const acknowledgedAt = new Map<string, number>()
      const producer = noting(createKafkaProducer({ brokers: [brokers] }), acknowledgedAt)
      const bridge = createBridge(store, defineBridge({ name: topic, topic }), {
        ...{ producer, createTopics: { partitions, replicationFactor: 1 } },
      })
      await bridge.start()
      const committedAt = new Map<string, number>()
      const sent = await appendAtRate(milliseconds, async () => {
        const id = uuidv7()
        await store.append(Order, id, [{ ...orderPlaced(1), id }], { expectedVersion: 0 })
        committedAt.set(id, performance.now())
      })
      while ([...committedAt.keys()].some((id) => !acknowledgedAt.has(id))) {
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      await bridge.stop()
      await producer.disconnect()
      await store.close()
      const latenciesMs = [...committedAt].map(([id, at]) => Math.max(0, (acknowledgedAt.get(id) ?? Number.NaN) - at))
      return { count: sent, seconds: milliseconds / 1000, latenciesMs } satisfies Run
    },
  }
}

/** The same producer, which notes when each event was acknowledged. */
function noting(producer: KafkaProducerPort, acknowledgedAt: Map<string, number>): KafkaProducerPort {
  return new Proxy(producer, {
    get(target, property) {
      if (property !== 'send') {
        const value: unknown = Reflect.get(target, property)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      }
      const send: KafkaProducerPort['send'] = async (records, options) => {
        await target.send(records, options)
        const now = performance.now()
        for (const { headers } of records) acknowledgedAt.set(String(headers['ce_id']), now)
      }
      return send
    },
  })
}

/** Calls come at their time, whether the ones before have ended or not. */
export async function appendAtRate(milliseconds: number, append: () => Promise<void>): Promise<number> {
  const start = performance.now()
  const appending: Promise<void>[] = []
  while (performance.now() - start < milliseconds) {
    const due = Math.floor(((performance.now() - start) / 1000) * perSecond)
    while (appending.length < due) appending.push(append())
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await Promise.all(appending)
  return appending.length
}

async function recordsOfLog(pool: pg.Pool): Promise<Message[]> {
  const store = createEventStore(pool, { listen: false })
  const records: Message[] = []
  for (let after = 0n; ;) {
    const { events, through, atHead } = await store.log.read({ after, limit: 5000 })
    records.push(...events.map(recordOf))
    after = through
    if (atHead) break
  }
  await store.close()
  return records
}

function recordOf(event: RecordedEvent): Message {
  return {
    key: event.streamId,
    value: Buffer.from(JSON.stringify(event.data)),
    partition: partitionFor(event.streamId, partitions),
    headers: cloudEventHeaders(event, { source: '/tidemark/order', dataSchema: undefined, format: 'binary' }),
  }
}
