import { runKafkaTool } from '@tidemark/test-servers'
import { describe, expect, inject, test } from 'vitest'
import { createKafkaProducer, partitionFor } from '../src/index.js'
import { readTopic } from './read-topic.js'

const brokers = inject('kafkaBrokers')

describe.skipIf(!brokers)('partitionFor', () => {
  test('chooses the partition that the Java producer chooses', async () => {
    const topic = `partitions-${process.pid}-${Date.now()}`
    const producer = createKafkaProducer({ brokers: [brokers!] })
    await producer.createTopic(topic, { partitions: 7, replicationFactor: 1 })
    await producer.createTopic(topic, { partitions: 7, replicationFactor: 1 })
    await producer.disconnect()
    const keys = Array.from({ length: 300 }, (_, index) => `order-${'äx🎁'.slice(0, index % 4)}${index * 7919}`)
    await runKafkaTool(
      brokers!,
      'org.apache.kafka.tools.ConsoleProducer',
      ['--topic', topic, '--property', 'parse.key=true'],
      { stdin: keys.map((key) => `${key}\tvalue\n`).join('') },
    )
    const records = await readTopic(brokers!, topic, { count: keys.length })
    expect(records).toHaveLength(keys.length)
    expect(records.map(({ key, partition }) => [key, partition])).toEqual(
      records.map(({ key }) => [key, partitionFor(key, 7)]),
    )
  })
})
