import { silentLogger, type Logger } from '@tidemark/eventstore'
import kafkajs, { type Kafka, type LogEntry, type SASLOptions } from 'kafkajs'
import type { KafkaConnectionOptions } from '../kafka-connection.js'
import type { ClientSockets } from './client-sockets.js'
import { endStoppedFetchers } from './end-stopped-fetchers.js'
import { quietIdleConnections } from './quiet-idle-connections.js'

/** The retries of single requests are few and short: whoever sends has retries of its own around them. */
const retry = { retries: 2, initialRetryTime: 100, maxRetryTime: 1000 }

/** A kafkajs client whose log goes where ours goes. */
export function createKafkajsClient(options: KafkaConnectionOptions, sockets?: ClientSockets): Kafka {
  const { brokers, clientId = 'tidemark', ssl, connectionTimeoutMs = 3000, requestTimeoutMs = 15_000 } = options
  quietIdleConnections()
  endStoppedFetchers()
  return new kafkajs.Kafka({
    brokers: [...brokers],
    clientId,
    connectionTimeout: connectionTimeoutMs,
    requestTimeout: requestTimeoutMs,
    retry,
    ...(sockets && { socketFactory: sockets.factory }),
    logLevel: kafkajs.logLevel.WARN,
    logCreator: () => logTo(options.logger ?? silentLogger),
    ...(ssl === undefined ? {} : { ssl }),
    ...(options.sasl ? { sasl: saslOf(options.sasl) } : {}),
  })
}

/** Rebuilt per mechanism, since the types of kafkajs tell them apart. */
function saslOf({ mechanism, ...login }: NonNullable<KafkaConnectionOptions['sasl']>): SASLOptions {
  switch (mechanism) {
    case 'plain':
      return { mechanism, ...login }
    case 'scram-sha-256':
      return { mechanism, ...login }
    case 'scram-sha-512':
      return { mechanism, ...login }
  }
}

/** What kafkajs calls an error is one try of several, and what comes of them is thrown: so it is a warning at most. */
function logTo(logger: Logger): (entry: LogEntry) => void {
  return ({ namespace, level, log: { message, timestamp: _timestamp, logger: _name, ...fields } }) => {
    const write = level === kafkajs.logLevel.ERROR ? 'warn' : 'debug'
    logger[write]({ kafkajs: namespace, ...fields }, message)
  }
}
