import {
  createKafkaProducer,
  type BridgeDefinition,
  type ConsumerDefinition,
  type KafkaProducerPort,
} from '@tidemark/fanout'
import { failure, fine, warning, type Finding } from './finding.js'

/** What the configuration has to do with Kafka. */
export interface KafkaParts {
  readonly brokers: readonly string[]
  readonly bridges: readonly BridgeDefinition[]
  readonly consumers: readonly ConsumerDefinition[]
}

/** Whether brokers answer, and whether the topics are there that bridges write and consumers read. */
export async function checkKafka({ brokers, bridges, consumers }: KafkaParts): Promise<Finding[]> {
  const users = [...bridges, ...consumers].map(({ name }) => `"${name}"`).join(', ')
  if (users === '') return []
  if (brokers.length === 0)
    return [
      warning(
        'kafka',
        `no brokers are named, so that ${users} cannot run`,
        'set KAFKA_BROKERS to host:port, or kafka.brokers in the configuration',
      ),
    ]
  const producer = createKafkaProducer({ brokers })
  try {
    const topics = new Map<string, string>()
    for (const { name, topics: of } of bridges) for (const topic of of) topics.set(topic, `bridge "${name}" writes`)
    for (const { name, topics: of } of consumers)
      for (const topic of of) if (!topics.has(topic)) topics.set(topic, `consumer "${name}" reads`)
    const findings: Finding[] = []
    for (const [topic, use] of topics) findings.push(await checkTopic(producer, topic, use))
    return findings
  } catch (error) {
    return [
      failure(
        'kafka',
        error instanceof Error ? error.message : String(error),
        `start the brokers at ${brokers.join(', ')}, or correct KAFKA_BROKERS`,
      ),
    ]
  } finally {
    await producer.disconnect()
  }
}

async function checkTopic(producer: KafkaProducerPort, topic: string, use: string): Promise<Finding> {
  const partitions = await producer.partitionCount(topic)
  if (partitions === undefined)
    return failure(
      'kafka',
      `there is no topic "${topic}", which ${use}`,
      `kafka-topics.sh --bootstrap-server <broker> --create --topic ${topic} --partitions 12 --replication-factor 3`,
    )
  if (await producer.isCompacted?.(topic))
    return failure(
      'kafka',
      `topic "${topic}" keeps only the last record of each key, so that events are lost`,
      `kafka-configs.sh --bootstrap-server <broker> --alter --topic ${topic} --add-config cleanup.policy=delete`,
    )
  return fine(
    'kafka',
    `topic "${topic}", which ${use}, has ${partitions} ${partitions === 1 ? 'partition' : 'partitions'}`,
  )
}
