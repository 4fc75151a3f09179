import { describe, expect, inject, test } from 'vitest'
import {
  countDeadLetters,
  defineBatchConsumer,
  defineConsumer,
  forgetInbox,
  readConsumerLag,
  redriveDeadLetters,
  resetConsumer,
  type ConsumerOptions,
} from '../../src/index.js'
import { Order } from '../order.js'
import { until } from '../until.js'
import { orderRecord, useConsumerKit } from './consumer-kit.js'

describe.skipIf(!inject('kafkaBrokers'))('the group of a consumer', () => {
  const kit = useConsumerKit()
  const kafka = { brokers: [kit.brokers] }
  const paid = (id: string, version = 1) => orderRecord(id, version, 'OrderPaid', { amount: version })

  /** A consumer that notes what it handled in memory, and refuses what is in `refused`. */
  function noting(topic: string, options: Partial<ConsumerOptions> = {}) {
    const handled: string[] = []
    const refused = new Set<string>()
    const definition = defineConsumer({
      ...{ name: topic, topics: [topic], retry: { attempts: 2, initialDelayMs: 5 } },
      ...options,
      on: [
        Order,
        {
          OrderPaid: async (_tx, { aggregateId }) => {
            if (refused.has(aggregateId)) throw new Error('refused')
            handled.push(aggregateId)
          },
        },
      ],
    })
    return { handled, refused, definition }
  }

  test('is behind by records and by time, and not at all once it has handled them', async () => {
    const topic = await kit.topic(2)
    const { definition } = noting(topic)
    const sentAt = Date.now()
    await kit.send(topic, [
      { ...paid('a'), partition: 0 },
      { ...paid('b'), partition: 0 },
    ])
    const [behind] = await readConsumerLag(kafka, [definition])
    const waited = Date.now() - sentAt
    expect(behind).toMatchObject({ name: topic, group: topic, state: 'Dead', members: 0, lag: 2n })
    expect(behind.lagMs).toBeGreaterThan(0)
    expect(behind.lagMs).toBeLessThan(waited * 1.1 + 1000)
    expect(behind.partitions).toMatchObject([
      { partition: 0, committed: undefined, end: 2n, lag: 2n, lagMs: behind.lagMs },
      { partition: 1, committed: undefined, end: 0n, lag: 0n, lagMs: 0 },
    ])
    const consumer = await kit.start(definition)
    const level = await until(
      () => readConsumerLag(kafka, [definition]),
      ([{ lag }]) => lag === 0n,
    )
    expect(level[0]).toMatchObject({ state: 'Stable', members: 1, lagMs: 0 })
    expect(level[0].partitions[0]).toMatchObject({ committed: 2n, lag: 0n })
    await consumer.stop()
    const [empty] = await readConsumerLag(kafka, [definition])
    expect(empty).toMatchObject({ state: 'Empty', members: 0, lag: 0n })
  })

  test('is moved to an end, an offset or a time, and never while it is active', async () => {
    const topic = await kit.topic(1)
    const { definition, handled } = noting(topic)
    await kit.send(topic, [paid('a'), paid('b')])
    await new Promise((resolve) => setTimeout(resolve, 50))
    const between = new Date()
    await kit.send(topic, [paid('c')])
    const consumer = await kit.start(definition)
    await until(
      async () => handled,
      ({ length }) => length === 3,
    )
    await expect(resetConsumer(kafka, definition, { to: 'earliest' })).rejects.toMatchObject({
      code: 'FANOUT_GROUP_ACTIVE',
      state: 'Stable',
    })
    await consumer.stop()
    expect(await resetConsumer(kafka, definition, { to: 1n, dryRun: true })).toEqual([
      { topic, partition: 0, before: 3n, after: 1n },
    ])
    expect(await resetConsumer(kafka, definition, { to: between })).toMatchObject([{ before: 3n, after: 2n }])
    expect(await resetConsumer(kafka, definition, { to: 'latest' })).toMatchObject([{ before: 2n, after: 3n }])
    await expect(resetConsumer(kafka, definition, { to: 4n })).rejects.toMatchObject({
      code: 'FANOUT_CONSUMER_CONFIGURATION',
    })
    await expect(resetConsumer(kafka, definition, { to: 'latest', topic: 'other' })).rejects.toThrow('does not read')
    await resetConsumer(kafka, definition, { to: 'earliest' })
    await forgetInbox(kit.store, definition)
    await kit.start(noting(topic).definition)
    await until(
      () => readConsumerLag(kafka, [definition]),
      ([{ lag }]) => lag === 0n,
    )
  })

  test('gets its dead letters back, each once, and the event that passes then is handled once', async () => {
    const topic = await kit.topic(3)
    const { definition, handled, refused } = noting(topic)
    const ids = ['a', 'b', 'c', 'd', 'e']
    refused.add('b').add('d').add('e')
    await kit.send(
      topic,
      ids.map((id) => paid(id)),
    )
    const consumer = await kit.start(definition)
    await until(
      async () => consumer.status(),
      ({ deadLettered }) => deadLettered === 3,
    )
    refused.delete('b')
    refused.delete('d')
    expect(await countDeadLetters(kafka, definition)).toBe(3n)
    const cancelled = redriveDeadLetters(kafka, definition, { signal: AbortSignal.abort(new Error('cancelled')) })
    await expect(cancelled).rejects.toThrow('cancelled')
    expect(await redriveDeadLetters(kafka, definition)).toEqual({ redriven: 3, left: 0 })
    await until(
      async () => consumer.status(),
      ({ deadLettered }) => deadLettered === 4,
    )
    await until(
      async () => handled,
      ({ length }) => length === 4,
    )
    expect([...handled].sort()).toEqual(['a', 'b', 'c', 'd'])
    const letters = await kit.read(`${topic}-dlt`, 4)
    const own = (await kit.read(topic, 8)).filter(({ key }) => key?.toString() === 'order-e')
    expect(own[1]!.partition).toBe(own[0]!.partition)
    expect(own[1]!.headers).toEqual(own[0]!.headers)
    expect(letters.filter(({ key }) => key?.toString() === 'order-e')).toHaveLength(2)
    // The new letter of what failed again is the only one that is left.
    refused.clear()
    expect(await redriveDeadLetters(kafka, definition)).toEqual({ redriven: 1, left: 0 })
    await until(
      async () => handled,
      ({ length }) => length === 5,
    )
    expect(await redriveDeadLetters(kafka, definition)).toEqual({ redriven: 0, left: 0 })
  })

  test('retries in topics: the partition goes on, and the last failure is a dead letter with its first place', async () => {
    const topic = await kit.topic(2)
    const { definition, handled, refused } = noting(topic, { retry: { topicsAfterMs: [200, 1000] } })
    refused.add('x').add('y')
    const sentAt = performance.now()
    await kit.send(topic, [paid('x'), paid('x2'), { ...paid('y'), partition: 1 }, paid('z')])
    const consumer = await kit.start(definition)
    await until(
      async () => handled,
      ({ length }) => length === 2,
    )
    refused.delete('y')
    await until(
      async () => handled,
      (all) => all.includes('y'),
    )
    const [letter] = await kit.read(`${topic}-dlt`, 1)
    expect(performance.now() - sentAt).toBeGreaterThan(1200)
    const [first] = (await kit.read(topic, 4)).filter(({ key }) => key?.toString() === 'order-x')
    expect(letter).toMatchObject({ key: Buffer.from('order-x'), partition: first!.partition })
    expect(letter!.headers['kafka_dlt-original-topic']!.toString()).toBe(topic)
    expect(letter!.headers['kafka_dlt-original-offset']!.readBigInt64BE()).toBe(BigInt(first!.offset))
    expect(Object.keys(letter!.headers).filter((name) => name.startsWith('retry_topic'))).toEqual([])
    const [retried] = await kit.read(`${topic}.retry.200ms`, 2)
    expect(retried!.headers['retry_topic-attempts']).toEqual(Buffer.from([0, 0, 0, 1]))
    expect(await kit.read(`${topic}.retry.1s`, 1)).toMatchObject([{ partition: first!.partition }])
    await expect.poll(() => consumer.status(), { timeout: 10_000 }).toMatchObject({ handled: 3 })
  })

  /** A dead-letter topic with settings of its own. */
  async function deadLetterTopic(topic: string, config: Readonly<Record<string, string>> = {}): Promise<void> {
    const admin = kit.kafka.admin()
    await admin.connect()
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
    const wanted = { topic: `${topic}-dlt`, numPartitions: 1, replicationFactor: 1, configEntries }
    await admin.createTopics({ topics: [wanted], waitForLeaders: true })
    await admin.disconnect()
  }

  test('has letters without their value where the topic takes no more, and goes on', async () => {
    const topic = await kit.topic(1)
    await deadLetterTopic(topic, { 'max.message.bytes': '2500' })
    const { definition, handled, refused } = noting(topic, { retry: { attempts: 1 } })
    refused.add('small').add('large')
    const note = 'n'.repeat(4000)
    await kit.send(topic, [
      paid('small'),
      orderRecord('large', 1, 'OrderPaid', { amount: 1, note }, { extra: 'kept' }),
      paid('after'),
    ])
    const consumer = await kit.start(definition)
    await until(
      async () => handled,
      ({ length }) => length === 1,
    )
    const seen = await until(
      async () => consumer.status(),
      ({ deadLettered }) => deadLettered === 2,
    )
    expect(seen).toMatchObject({ state: 'running', failures: 2 })
    const [small, large] = await kit.read(`${topic}-dlt`, 2)
    expect(small!.value).toEqual(Buffer.from('{"amount":1}'))
    expect(large).toMatchObject({ key: Buffer.from('order-large'), value: null })
    const bytes = JSON.stringify({ amount: 1, note }).length
    expect(String(large!.headers['tidemark_dlt-value-left-out'])).toBe(String(bytes))
    expect(String(large!.headers['kafka_dlt-exception-message'])).toBe('refused')
    expect(String(large!.headers['extra'])).toBe('kept')
    expect(large!.headers['kafka_dlt-original-offset']!.readBigInt64BE()).toBe(1n)
    // Sent back it would be a tombstone.
    refused.clear()
    expect(await redriveDeadLetters(kafka, definition)).toEqual({ redriven: 1, left: 1 })
    await until(
      async () => handled,
      ({ length }) => length === 2,
    )
  })

  test('halts where the dead-letter topic does not even take a letter without its value', async () => {
    const topic = await kit.topic(1)
    await deadLetterTopic(topic, { 'max.message.bytes': '200' })
    const { definition, refused } = noting(topic, { retry: { attempts: 1 } })
    refused.add('a')
    await kit.send(topic, [paid('a')])
    const consumer = await kit.start(definition)
    const failed = await until(
      async () => consumer.status(),
      ({ state }) => state === 'failed',
    )
    expect(failed.halted).toMatchObject([{ partition: `${topic}/0`, error: { code: 'FANOUT_BATCH_TOO_LARGE' } }])
  })

  test('gets letters back that end in markers of transactions, and those alone do not hold it up', async () => {
    const topic = await kit.topic(1)
    await deadLetterTopic(topic)
    const { definition, handled } = noting(topic)
    const partition = Buffer.alloc(4)
    const letter = {
      ...paid('marked'),
      headers: {
        ...paid('marked').headers,
        'kafka_dlt-original-topic': topic,
        'kafka_dlt-original-partition': partition,
        'kafka_dlt-original-offset': Buffer.alloc(8),
        'kafka_dlt-original-consumer-group': topic,
      },
    }
    const producer = kit.kafka.producer({ transactionalId: topic, idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    const sendWithin = async (end: 'commit' | 'abort') => {
      const transaction = await producer.transaction()
      await transaction.send({ topic: `${topic}-dlt`, messages: [letter] })
      await transaction[end]()
    }
    await sendWithin('commit')
    expect(await redriveDeadLetters(kafka, definition)).toEqual({ redriven: 1, left: 0 })
    await sendWithin('abort')
    expect(await redriveDeadLetters(kafka, definition)).toEqual({ redriven: 0, left: 0 })
    await producer.disconnect()
    await kit.start(definition)
    await until(
      async () => handled,
      ({ length }) => length === 1,
    )
  })

  test.each(['lz4', 'snappy', 'zstd', 'gzip'])('reads what the broker stores as %s', async (codec) => {
    const topic = await kit.topic(1, { 'compression.type': codec })
    const amounts: number[] = []
    const definition = defineBatchConsumer({
      ...{ name: topic, topics: [topic], on: Order, types: ['OrderPaid'] },
      handleBatch: async (_tx, events) => {
        for (const { data } of events) if ('amount' in data) amounts.push(data.amount)
      },
    })
    await kit.send(
      topic,
      Array.from({ length: 2000 }, (_, index) => paid('many', index + 1)),
    )
    await kit.start(definition)
    await until(
      async () => amounts,
      ({ length }) => length === 2000,
    )
    expect(amounts).toEqual(Array.from({ length: 2000 }, (_, index) => index + 1))
  })
})
