import type { ClientBase } from 'pg'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { defineConsumer, NotRetriableError } from '../../src/index.js'
import { Order } from '../order.js'
import { until } from '../until.js'
import { orderRecord, useConsumerKit } from './consumer-kit.js'

describe.skipIf(!inject('kafkaBrokers'))('a consumer', () => {
  const kit = useConsumerKit()
  beforeAll(async () => {
    await kit.pool.query('create table notes (id bigint generated always as identity, topic text, text text)')
  })

  const note = (transaction: ClientBase, topic: string, text: string) =>
    transaction.query('insert into notes (topic, text) values ($1, $2)', [topic, text])
  const notes = async (topic: string) => {
    const { rows } = await kit.pool.query<{ text: string }>('select text from notes where topic = $1 order by id', [
      topic,
    ])
    return rows.map(({ text }) => text)
  }

  test('does nothing twice, however often a record is there', async () => {
    const topic = await kit.topic(3)
    const records = Array.from({ length: 50 }, (_, index) =>
      orderRecord(`dup-${index}`, 1, 'OrderPlaced', { total: index }),
    )
    await kit.send(topic, [...records, ...records])
    await kit.send(topic, records)
    const definition = defineConsumer({
      name: 'twice',
      group: topic,
      topics: [topic],
      on: [Order, { OrderPlaced: async (tx, event) => void (await note(tx, topic, event.aggregateId)) }],
    })
    const consumer = await kit.start(definition)
    await until(
      async () => consumer.status(),
      ({ handled, duplicates }) => handled + duplicates >= 150,
    )
    expect(consumer.status()).toMatchObject({ state: 'running', handled: 50, duplicates: 100, failures: 0 })
    const seen = await notes(topic)
    expect(seen).toHaveLength(50)
    expect(new Set(seen).size).toBe(50)
  })

  test('keeps the order of a key while one of its records is tried again in place', async () => {
    const topic = await kit.topic(1)
    const ids = ['a', 'b', 'c']
    const records = [1, 2, 3, 4].flatMap((version) =>
      ids.map((id) => orderRecord(id, version, 'OrderPaid', { amount: version })),
    )
    await kit.send(topic, records)
    let failures = 0
    const attempts: number[] = []
    const definition = defineConsumer({
      name: 'ordered',
      group: topic,
      topics: [topic],
      retry: { attempts: 10, initialDelayMs: 20, maxDelayMs: 100 },
      on: [
        Order,
        {
          OrderPaid: async (tx, { aggregateId, data }, { attempt }) => {
            if (aggregateId === 'b' && data.amount === 2) {
              attempts.push(attempt)
              if (++failures <= 4) throw new Error('not yet')
            }
            await note(tx, topic, `${aggregateId}${data.amount}`)
          },
        },
      ],
    })
    const consumer = await kit.start(definition)
    await until(
      () => notes(topic),
      (seen) => seen.length >= 12,
    )
    const seen = await notes(topic)
    for (const id of ids)
      expect(seen.filter((text) => text.startsWith(id))).toEqual([1, 2, 3, 4].map((n) => `${id}${n}`))
    // The other keys did not wait for it.
    expect(seen.indexOf('c4')).toBeLessThan(seen.indexOf('b2'))
    expect(attempts).toEqual([1, 2, 3, 4, 5])
    await expect
      .poll(() => consumer.status(), { timeout: 10_000 })
      .toMatchObject({ handled: 12, duplicates: 0, failures: 4, deadLettered: 0 })
  })

  test('sends poison to the dead letters, with exact headers, and goes on', async () => {
    const topic = await kit.topic(4)
    const bad = orderRecord('bad', 1, 'OrderPlaced', { total: 1 }, { extra: Buffer.from([0, 255, 1]) })
    await kit.send(topic, [{ ...bad, partition: 3 }])
    await kit.send(topic, [{ key: null, value: 'no json', headers: { ce_id: 'x' }, partition: 2 }])
    await kit.send(topic, [{ ...orderRecord('fine', 1, 'OrderPlaced', { total: 2 }), partition: 3 }])
    const told: string[] = []
    const definition = defineConsumer({
      name: 'poisoned',
      group: topic,
      topics: [topic],
      retry: { attempts: 3, initialDelayMs: 10 },
      deadLetter: { table: true, onDeadLetter: ({ error }) => void told.push(error.name) },
      on: [
        Order,
        {
          OrderPlaced: async (tx, { aggregateId }) => {
            if (aggregateId === 'bad') throw new RangeError('never')
            await note(tx, topic, aggregateId)
          },
        },
      ],
    })
    const consumer = await kit.start(definition)
    const letters = await kit.read(`${topic}-dlt`, 2)
    await until(
      () => notes(topic),
      (seen) => seen.includes('fine'),
    )
    expect(await notes(topic)).toEqual(['fine'])
    const letter = letters.find(({ partition }) => partition === 3)!
    const [original] = (await kit.read(topic, 3)).filter(({ partition }) => partition === 3)
    expect(letter.key).toEqual(original!.key)
    expect(letter.value).toEqual(original!.value)
    const { headers } = letter
    for (const [name, bytes] of Object.entries(original!.headers)) expect(headers[name]).toEqual(bytes)
    expect(headers['kafka_dlt-original-topic']).toEqual(Buffer.from(topic))
    expect(headers['kafka_dlt-original-partition']).toEqual(Buffer.from([0, 0, 0, 3]))
    expect(headers['kafka_dlt-original-offset']).toEqual(Buffer.alloc(8))
    const timestamp = Buffer.alloc(8)
    timestamp.writeBigInt64BE(BigInt(original!.timestamp))
    expect(headers['kafka_dlt-original-timestamp']).toEqual(timestamp)
    expect(headers['kafka_dlt-original-timestamp-type']).toEqual(Buffer.from('CreateTime'))
    expect(headers['kafka_dlt-original-consumer-group']).toEqual(Buffer.from(topic))
    expect(headers['kafka_dlt-exception-fqcn']).toEqual(Buffer.from('RangeError'))
    expect(headers['kafka_dlt-exception-message']).toEqual(Buffer.from('never'))
    expect(headers['kafka_dlt-exception-stacktrace']!.toString()).toContain('consumer.int.test.ts')
    expect(Object.keys(headers)).toHaveLength(Object.keys(original!.headers).length + 9)
    const undecodable = letters.find(({ partition }) => partition === 2)!
    expect(undecodable.key).toBeNull()
    expect(undecodable.headers['kafka_dlt-exception-fqcn']!.toString()).toBe('UndecodableRecordError')
    await until(
      async () => told,
      ({ length }) => length === 2,
    )
    expect(told.sort()).toEqual(['RangeError', 'UndecodableRecordError'])
    await until(
      async () => consumer.status(),
      ({ deadLettered }) => deadLettered === 2,
    )
    const { rows } = await kit.pool.query(
      `select partition, "offset", error, encode(decode(headers->>'extra', 'base64'), 'hex') as extra
         from tidemark.consumer_dead_letters where topic = $1 order by partition`,
      [topic],
    )
    expect(rows[1]).toEqual({ partition: 3, offset: '0', error: 'never', extra: '00ff01' })
    await expect
      .poll(() => consumer.status(), { timeout: 10_000 })
      .toMatchObject({ deadLettered: 2, handled: 1, failures: 4 })
  })

  test('sends at once to the dead letters what a handler calls not retriable', async () => {
    const topic = await kit.topic()
    await kit.send(topic, [orderRecord('no', 1, 'OrderPlaced', { total: 1 })])
    const consumer = await kit.start(
      defineConsumer({
        name: 'not-retriable',
        group: topic,
        topics: [topic],
        on: [Order, { OrderPlaced: () => Promise.reject(new NotRetriableError('this will never do')) }],
      }),
    )
    const [letter] = await kit.read(`${topic}-dlt`, 1)
    expect(letter!.headers['kafka_dlt-exception-message']!.toString()).toBe('this will never do')
    await until(
      async () => consumer.status(),
      ({ deadLettered }) => deadLettered === 1,
    )
    expect(consumer.status()).toMatchObject({ failures: 1, handled: 0 })
  })
})
