import kafkajs from 'kafkajs'
import { describe } from 'vitest'
import { createPlatformaticProducer, type KafkaConnectionOptions } from '../../src/index.js'
import { describeProducerContract } from '../contracts/producer-contract.js'
import { until } from '../until.js'

// npm leaves the client out on a Node that is older than it asks for.
describe.skipIf(/^20\.19\.[0-3]$/.test(process.versions.node))('from Node 20.19.4 on', () => {
  describeProducerContract('@platformatic/kafka', createWithLeaders, { afterSilence: 'repeats-nothing' })
})

/**
 * A producer whose new topics have leaders that know it.
 *
 * A broker that does not lead a partition yet says who does in a tagged field, which the client cannot read: "Out of bounds". A bridge sends again then, but
 * the contract counts the records of one send.
 */
function createWithLeaders(options: KafkaConnectionOptions) {
  const producer = createPlatformaticProducer(options)
  const create = producer.createTopic.bind(producer)
  producer.createTopic = async (topic, settings) => {
    await create(topic, settings)
    const admin = new kafkajs.Kafka({ brokers: [...options.brokers], logLevel: kafkajs.logLevel.NOTHING }).admin()
    await admin.connect()
    const offsets = () => admin.fetchTopicOffsets(topic).catch(() => [])
    await until(offsets, (found) => found.length > 0).finally(() => admin.disconnect())
  }
  return producer
}
