import type { BaseOptions } from '@platformatic/kafka'
import type { KafkaConnectionOptions } from '../kafka-connection.js'

const mechanisms = {
  plain: 'PLAIN',
  'scram-sha-256': 'SCRAM-SHA-256',
  'scram-sha-512': 'SCRAM-SHA-512',
} as const

/** Where Kafka is and how to log in, as `@platformatic/kafka` wants it. */
export function platformaticOptionsOf(options: KafkaConnectionOptions): BaseOptions {
  const { brokers, clientId = 'tidemark', ssl, sasl, connectionTimeoutMs = 3000 } = options
  const tls = ssl === true ? {} : ssl
  return {
    clientId,
    bootstrapBrokers: [...brokers],
    connectTimeout: connectionTimeoutMs,
    autocreateTopics: false,
    // A broker behind a shared address is found by its name.
    ...(tls && { tls, tlsServerName: tls.servername ?? true }),
    ...(sasl && { sasl: { ...sasl, mechanism: mechanisms[sasl.mechanism] } }),
  }
}
