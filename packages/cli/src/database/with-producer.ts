import { createKafkaProducer, type KafkaProducerPort } from '@tidemark/fanout'
import type { Settings } from '../config/resolve-settings.js'
import { ConfigError } from '../errors.js'

/**
 * Works with a producer of the project's brokers, and disconnects it afterwards.
 *
 * @throws {ConfigError} the project names no brokers.
 */
export async function withProducer<T>(
  { brokers }: Settings,
  work: (producer: KafkaProducerPort) => Promise<T>,
): Promise<T> {
  if (brokers.length === 0)
    throw new ConfigError('there are no brokers: set KAFKA_BROKERS to host:port, or kafka.brokers in the configuration')
  const producer = createKafkaProducer({ brokers })
  try {
    return await work(producer)
  } finally {
    await producer.disconnect()
  }
}
