import { silentLogger, type Logger } from '@tidemark/eventstore'
import kafkajs, { type Kafka, type LogEntry, type SASLOptions } from 'kafkajs'
import type { ConnectionOptions } from 'node:tls'
import { BridgeConfigurationError } from './errors.js'

/** Where Kafka is and how to log in. */
export interface KafkaConnectionOptions {
  /** `host:port` of some brokers; the others are learned from them. */
  readonly brokers: readonly string[]
  /** How the brokers name this client in their logs and quotas; `tidemark` unless said. */
  readonly clientId?: string
  /** Encrypts the connection; `true` for the usual settings. */
  readonly ssl?: boolean | ConnectionOptions
  readonly sasl?: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
    readonly username: string
    readonly password: string
  }
  /** How long a broker may take to accept a connection; 3,000 ms unless said. */
  readonly connectionTimeoutMs?: number
  /** How long a broker may take to answer; 15,000 ms unless said. */
  readonly requestTimeoutMs?: number
  readonly logger?: Logger
}

/** The retries of single requests are few and short: whoever sends has retries of its own around them. */
const retry = { retries: 2, initialRetryTime: 100, maxRetryTime: 1000 }

/** @throws {BridgeConfigurationError} there is no broker, or one is not `host:port`. */
export function checkBrokers(brokers: readonly string[]): void {
  const unusable = brokers.find((broker) => !/^[^\s,]+:\d+$/.test(broker))
  if (brokers.length > 0 && unusable === undefined) return
  throw new BridgeConfigurationError(
    `Kafka brokers are a list of host:port, got ${unusable === undefined ? 'none' : JSON.stringify(unusable)}`,
  )
}

/** A kafkajs client whose log goes where ours goes. */
export function createKafkajsClient(options: KafkaConnectionOptions): Kafka {
  const { brokers, clientId = 'tidemark', ssl, connectionTimeoutMs = 3000, requestTimeoutMs = 15_000 } = options
  return new kafkajs.Kafka({
    brokers: [...brokers],
    clientId,
    connectionTimeout: connectionTimeoutMs,
    requestTimeout: requestTimeoutMs,
    retry,
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
