import { createEventStore } from '@tidemark/eventstore'
import { createBridge, createConsumer, createKafkaProducer, defineBatchConsumer, defineBridge } from '@tidemark/fanout'
import kafkajs from 'kafkajs'
import { v7 as uuidv7 } from 'uuid'
import type { Contender, Run } from './harness.js'
import { appendAtRate, nextTopic, partitions, type SendOptions } from './send-contenders.js'
import { Order, orderPlaced } from './workload.js'

const bareRead = 'kafkajs eachBatch, nothing handled'
const createTopics = { partitions, replicationFactor: 1 }

/** The whole log in a topic, published once for all that read it. */
export function publishedLog({ pool, brokers }: SendOptions): () => Promise<{ topic: string; events: number }> {
  const publish = async () => {
    const topic = nextTopic()
    const store = createEventStore(pool, { listen: false })
    const producer = createKafkaProducer({ brokers: [brokers] })
    const { position } = await store.head()
    const bridge = createBridge(store, defineBridge({ name: topic, topic }), { producer, createTopics })
    await bridge.start()
    while ((await bridge.status()).position < position) await pause(20)
    const events = (await bridge.status()).published ?? 0
    await bridge.stop()
    await producer.disconnect()
    await store.close()
    return { topic, events }
  }
  let published: ReturnType<typeof publish> | undefined
  return () => (published ??= publish())
}

/** A consumer group of the bare client that only counts. */
export function bareReads({ brokers }: SendOptions, log: ReturnType<typeof publishedLog>): Contender {
  return {
    name: bareRead,
    unit: 'records',
    run: async () => {
      const { topic, events } = await log()
      const kafka = new kafkajs.Kafka({ brokers: [brokers], logLevel: kafkajs.logLevel.NOTHING })
      const consumer = kafka.consumer({ groupId: nextTopic() })
      await consumer.connect()
      await consumer.subscribe({ topic, fromBeginning: true })
      let seen = 0
      let firstAt: number | undefined
      await consumer.run({
        eachBatch: ({ batch }) => {
          firstAt ??= performance.now()
          seen += batch.messages.length
          return Promise.resolve()
        },
      })
      while (seen < events) await pause(5)
      const seconds = (performance.now() - (firstAt ?? 0)) / 1000
      await consumer.disconnect()
      return { count: seen, seconds }
    },
  }
}

/** A new group that writes a row per event, in batches, with the inbox in the same transactions: from its first batch to its last commit. */
export function consumes({ pool, brokers }: SendOptions, log: ReturnType<typeof publishedLog>): Contender {
  return {
    name: 'consumer with inbox, batches of 500',
    unit: 'records',
    against: bareRead,
    run: async () => {
      const { topic, events } = await log()
      await pool.query('create table if not exists handled (consumer text, order_id text)')
      let firstAt: number | undefined
      const name = nextTopic()
      const definition = defineBatchConsumer({
        ...{ name, topics: [topic], on: Order, deadLetter: false },
        handleBatch: async (transaction, batch) => {
          firstAt ??= performance.now()
          const ids = batch.map(({ aggregateId }) => aggregateId)
          await transaction.query('insert into handled select $1, unnest($2::text[])', [name, ids])
        },
      })
      const consumer = createConsumer(pool, definition, { kafka: { brokers: [brokers] } })
      await consumer.start()
      while (consumer.status().handled < events) await pause(5)
      const seconds = (performance.now() - (firstAt ?? 0)) / 1000
      await consumer.stop()
      const { rows } = await pool.query<{ count: string }>('select count(*) from handled where consumer = $1', [name])
      if (Number(rows[0]?.count) !== events) throw new Error(`${rows[0]?.count} rows of ${events} events`)
      return { count: events, seconds }
    },
  }
}

/** From the end of an append through bridge, broker and group to a consumer's handler, at 1,000 events/s. */
export function liveConsumption({ pool, brokers }: SendOptions, schema: string): Contender {
  return {
    name: "commit to a consumer's handler, 1,000 events/s",
    unit: 'events',
    run: async (milliseconds) => {
      await pool.query(`truncate ${schema}.events`)
      const topic = nextTopic()
      const store = createEventStore(pool, { schema, listen: false })
      const producer = createKafkaProducer({ brokers: [brokers] })
      const bridge = createBridge(store, defineBridge({ name: topic, topic }), { producer, createTopics })
      await bridge.start()
      const handledAt = new Map<string, number>()
      const definition = defineBatchConsumer({
        ...{ name: topic, topics: [topic], on: Order, deadLetter: false },
        handleBatch: (_transaction, batch) => {
          const now = performance.now()
          for (const { id } of batch) handledAt.set(id, now)
          return Promise.resolve()
        },
      })
      // Its topic exists once something was published.
      const appended: string[] = []
      const committedAt = new Map<string, number>()
      const append = async () => {
        const id = uuidv7()
        await store.append(Order, id, [{ ...orderPlaced(1), id }], { expectedVersion: 0 })
        appended.push(id)
        committedAt.set(id, performance.now())
      }
      const all = async () => {
        while (appended.some((id) => !handledAt.has(id))) await pause(20)
      }
      await append()
      while ((await bridge.status()).published === 0) await pause(20)
      const consumer = createConsumer(pool, definition, { kafka: { brokers: [brokers] }, schema })
      await consumer.start()
      await all()
      committedAt.clear()
      const sent = await appendAtRate(milliseconds, append)
      await all()
      await consumer.stop()
      await bridge.stop()
      await producer.disconnect()
      await store.close()
      const latenciesMs = [...committedAt].map(([id, at]) => Math.max(0, (handledAt.get(id) ?? Number.NaN) - at))
      return { count: sent, seconds: milliseconds / 1000, latenciesMs } satisfies Run
    },
  }
}

const pause = (milliseconds: number) => new Promise<void>((resolve) => void setTimeout(resolve, milliseconds))
