import { createFaultProxy, startLocalKafka, type FaultProxy, type KafkaServer } from '@tidemark/test-servers'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createKafkaProducer, type KafkaProducerPort, type KafkaRecord } from '../src/index.js'
import { readTopic } from './read-topic.js'

describe.skipIf(!inject('kafkaBrokers'))('a producer behind a bad line', () => {
  let kafka: KafkaServer
  let proxy: FaultProxy
  let producer: KafkaProducerPort
  beforeAll(async () => {
    kafka = await startLocalKafka({
      advertise: async (target) => (proxy = await createFaultProxy({ target })),
    })
    producer = createKafkaProducer({ brokers: [kafka.bootstrapServers], requestTimeoutMs: 2000 })
    for (const topic of ['callers', 'batches']) {
      await producer.createTopic(topic, { partitions: 2, replicationFactor: 1 })
    }
  })
  afterAll(async () => {
    await producer.disconnect()
    await proxy.close()
    await kafka.close()
  })

  const record = (topic: string, id: string, partition: number): KafkaRecord => ({
    topic,
    partition,
    key: `key-${partition}`,
    value: Buffer.from(`payload-${id}`),
    headers: { ce_id: id },
  })

  /** Cuts the connection instead of passing on every n-th answer to a request with records: they are written, nobody is told. */
  function loseEvery(nth: number, how: 'cut' | 'black-hole'): void {
    const asked = new Set<number>()
    let answers = 0
    proxy.dropWhen({
      direction: 'up',
      times: Number.MAX_SAFE_INTEGER,
      when: ({ connectionId, bytes, newBytes }) => {
        if (bytes.subarray(-newBytes).includes('payload-')) asked.add(connectionId)
        return false
      },
    })
    proxy.dropWhen({
      direction: 'down',
      times: Number.MAX_SAFE_INTEGER,
      then: how,
      when: ({ connectionId }) => asked.delete(connectionId) && ++answers % nth === 0,
    })
  }

  test('has written what it acknowledged, though replies are lost and its callers do not wait for each other', async () => {
    await producer.connect()
    loseEvery(5, 'cut')
    const ids = Array.from({ length: 200 }, (_, index) => `c-${index}`)
    const outcomes = await Promise.allSettled(ids.map((id) => producer.send([record('callers', id, 0)])))
    proxy.heal()
    const acknowledged = ids.filter((_, index) => outcomes[index]!.status === 'fulfilled')
    expect(acknowledged.length).toBeGreaterThan(100)
    const written = await readTopic(kafka.directBootstrapServers, 'callers', { idleMs: 5000 })
    const found = new Set(written.map(({ eventId }) => eventId))
    expect(acknowledged.filter((id) => !found.has(id))).toEqual([])
  }, 120_000)

  test('repeats nothing when only the reply was lost: the broker knows what it has', async () => {
    loseEvery(4, 'cut')
    const ids = Array.from({ length: 20 }, (_, index) => `b-${index}`)
    for (const id of ids) await producer.send([record('batches', `${id}-0`, 0), record('batches', `${id}-1`, 1)])
    proxy.heal()
    const written = await readTopic(kafka.directBootstrapServers, 'batches', { idleMs: 5000 })
    for (const partition of [0, 1]) {
      const inPartition = written.filter((each) => each.partition === partition).map(({ eventId }) => eventId)
      expect(inPartition).toEqual(ids.map((id) => `${id}-${partition}`))
    }
  }, 120_000)

  test('does not call records sent that no broker took', async () => {
    await expect(producer.send([record('callers', 'nowhere', 99)])).rejects.toMatchObject({
      code: 'FANOUT_UNACKNOWLEDGED',
      partitions: ['callers/99'],
    })
    await expect(producer.send([record('callers', 'after', 0)])).resolves.toBeUndefined()
  })

  test('tells a refusal from a broker that does not answer', async () => {
    const value = Buffer.alloc(1_200_000, 'x')
    await expect(producer.send([{ ...record('callers', 'large', 0), value }])).rejects.toMatchObject({
      code: 'FANOUT_BATCH_TOO_LARGE',
    })
    await expect(producer.createTopic('a topic', { partitions: 1, replicationFactor: 1 })).rejects.toMatchObject({
      code: 'FANOUT_KAFKA_REFUSED',
      type: 'INVALID_TOPIC_EXCEPTION',
    })
    expect(await producer.partitionCount('never-created')).toBeUndefined()
    expect(await producer.partitionCount('callers')).toBe(2)
  })
})
