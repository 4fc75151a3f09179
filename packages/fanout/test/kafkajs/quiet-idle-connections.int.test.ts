import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, inject, test, vi } from 'vitest'
import { createKafkaProducer } from '../../src/index.js'

describe.skipIf(!inject('kafkaBrokers'))('an idle connection of kafkajs', () => {
  test('sets no timer after timer, and sends what comes', async () => {
    const producer = createKafkaProducer({ brokers: [inject('kafkaBrokers')!] })
    const topic = `idle-${process.pid}-${Date.now()}`
    await producer.createTopic(topic, { partitions: 1, replicationFactor: 1 })
    await producer.connect()
    const timers = vi.spyOn(globalThis, 'setTimeout')
    await sleep(1000)
    const count = timers.mock.calls.length
    timers.mockRestore()
    // Left as it is, it sets nearly a thousand for each connection.
    expect(count).toBeLessThan(50)
    const record = { topic, partition: 0, key: 'k', value: Buffer.from('v'), headers: {} }
    await Promise.all(Array.from({ length: 20 }, () => producer.send([record])))
    await producer.disconnect()
  })
})
