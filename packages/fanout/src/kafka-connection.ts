import type { Logger } from '@tidemark/eventstore'
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

/** @throws {BridgeConfigurationError} there is no broker, or one is not `host:port`. */
export function checkBrokers(brokers: readonly string[]): void {
  const unusable = brokers.find((broker) => !/^[^\s,]+:\d+$/.test(broker))
  if (brokers.length > 0 && unusable === undefined) return
  throw new BridgeConfigurationError(
    `Kafka brokers are a list of host:port, got ${unusable === undefined ? 'none' : JSON.stringify(unusable)}`,
  )
}
