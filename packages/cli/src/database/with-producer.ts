import { createKafkaProducer, type KafkaProducerPort } from '@tidemark/fanout'
import type { Settings } from '../config/resolve-settings.js'
import { ConfigError } from '../errors.js'

/**
 * The brokers of a project.
 *
 * @throws {ConfigError} it names none.
 */
export function brokersOf({ brokers }: Settings): readonly string[] {
  if (brokers.length > 0) return brokers
  throw new ConfigError('there are no brokers: set KAFKA_BROKERS to host:port, or kafka.brokers in the configuration')
}

/**
 * Works with a producer of the project's brokers, and disconnects it afterwards.
 *
 * @throws {ConfigError} the project names no brokers.
 */
export async function withProducer<T>(
  settings: Settings,
  work: (producer: KafkaProducerPort) => Promise<T>,
): Promise<T> {
  const producer = createKafkaProducer({ brokers: brokersOf(settings) })
  try {
    return await work(producer)
  } finally {
    await producer.disconnect()
  }
}
