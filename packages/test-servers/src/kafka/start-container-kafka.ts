import { freePort } from '../process/free-port.js'
import { kafkaVersion } from './kafka-jars.js'
import type { KafkaServer } from './kafka-server.js'
import { runKafkaTool } from './run-kafka-tool.js'

const image = `apache/kafka:${kafkaVersion}`

/**
 * Starts one broker in a container; undefined when no container engine answers.
 *
 * The port is fixed before the start, because the broker must know which one to advertise.
 */
export async function startContainerKafka(
  settings: Readonly<Record<string, string>>,
): Promise<KafkaServer | undefined> {
  const { GenericContainer, Wait, getContainerRuntimeClient } = await import('testcontainers')
  try {
    await getContainerRuntimeClient()
  } catch {
    return undefined
  }
  const port = await freePort()
  const properties: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': '1@localhost:9093',
    listeners: 'PLAINTEXT://:9092,CONTROLLER://:9093',
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    'auto.create.topics.enable': 'false',
    ...settings,
  }
  const environment = Object.entries(properties).map(([name, value]) => [
    `KAFKA_${name.toUpperCase().replaceAll('.', '_')}`,
    value,
  ])
  const container = await new GenericContainer(image)
    .withExposedPorts({ container: 9092, host: port })
    .withEnvironment(Object.fromEntries(environment) as Record<string, string>)
    .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
    .start()
  const bootstrapServers = `${container.getHost()}:${port}`
  return {
    kind: 'container',
    bootstrapServers,
    directBootstrapServers: bootstrapServers,
    brokers: [],
    runTool: (mainClass, args, options) => runKafkaTool(bootstrapServers, mainClass, args, options),
    close: async () => void (await container.stop()),
  }
}
