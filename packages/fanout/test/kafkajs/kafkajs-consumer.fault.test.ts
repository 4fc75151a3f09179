import { startLocalKafka, testProgram, type KafkaServer } from '@tidemark/test-servers'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createKafkaProducer } from '../../src/index.js'

const runReader = await testProgram(new URL('../programs/run-reader.ts', import.meta.url))
const stopWhileBrokersChange = await testProgram(new URL('../programs/stop-while-brokers-change.ts', import.meta.url))

test('a consumer of kafkajs that is stopped while its brokers change leaves its group and ends', async () => {
  const child = stopWhileBrokersChange([], { readable: true })
  const killed = setTimeout(() => child.kill('SIGKILL'), 10_000)
  const [printed, [code]] = await Promise.all([text(child.stdout!), once(child, 'exit')])
  clearTimeout(killed)
  expect({ printed, code }).toEqual({ printed: 'left\nstopped\n', code: 0 })
})

// The broker is ended, so it is of its own.
describe.skipIf(!inject('kafkaBrokers'))('a consumer whose brokers are gone', () => {
  let kafka: KafkaServer
  beforeAll(async () => {
    kafka = await startLocalKafka()
  }, 180_000)
  afterAll(() => kafka.close())

  test('ends soon after it is told to stop, whatever it was trying then', async () => {
    const producer = createKafkaProducer({ brokers: [kafka.bootstrapServers] })
    await producer.createTopic('gone', { partitions: 6, replicationFactor: 1 })
    await producer.disconnect()
    const readers = ['a', 'b', 'c', 'd', 'e', 'f'].map((group) =>
      runReader([kafka.bootstrapServers, 'gone', group], { readable: true }),
    )
    try {
      await Promise.all(readers.map(({ stdout }) => once(stdout!, 'data')))
      await kafka.brokers[0]!.kill('SIGKILL')
      // At once, in the tries of one request, and while it joins its group anew or waits to.
      const ended = readers.map(async (reader, index) => {
        await sleep(index * 2500)
        const exited = once(reader, 'exit')
        reader.kill('SIGTERM')
        return Promise.race([exited, sleep(30_000, 'still there', { ref: false })])
      })
      expect(await Promise.all(ended)).toEqual(readers.map(() => [0, null]))
    } finally {
      for (const reader of readers) reader.kill('SIGKILL')
    }
  }, 180_000)
})
