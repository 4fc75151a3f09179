import { BatchTooLargeError, BrokerUnavailableError, FanoutError, KafkaRefusedError } from '../errors.js'

/** What is read of the errors of kafkajs. */
interface KafkajsError {
  readonly name: string
  readonly message: string
  readonly type?: string
  readonly retriable?: boolean
  readonly cause?: unknown
  /** What went wrong with each topic, when several were asked for. */
  readonly errors?: readonly unknown[]
}

const tooLarge: ReadonlySet<string | undefined> = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'])

/**
 * Turns an error of kafkajs into a typed one, by Kafka's name for it and never by its text; the first error stays as the cause.
 *
 * Everything without Kafka's own name comes from the connection or from the client's own state: it is taken as a broker that
 * does not answer, and may pass. Errors of this package pass.
 */
export function translateKafkajsError(error: unknown, brokers: readonly string[]): FanoutError {
  if (error instanceof FanoutError) return error
  const root = rootOf(error)
  const { type, message, retriable = false } = root
  if (tooLarge.has(type)) return new BatchTooLargeError({ cause: error })
  // Of a question that no broker answered, kafkajs reads the answer all the same.
  const reason = root instanceof TypeError ? 'no broker told what was asked' : message
  if (type === undefined) return new BrokerUnavailableError(brokers, reason, { cause: error })
  return new KafkaRefusedError(type, `Kafka refused (${type}): ${message}`, { cause: error, retryable: retriable })
}

/** Whether Kafka said that a topic does not exist. */
export function isUnknownTopic(error: unknown): boolean {
  return rootOf(error).type === 'UNKNOWN_TOPIC_OR_PARTITION'
}

/** Whether a topic cannot be read however often one tries: it is denied, or compressed in a way that kafkajs does not know. */
export function isUnreadable(error: unknown): boolean {
  const { name, type, retriable = false } = rootOf(error)
  return name === 'KafkaJSNotImplemented' || (type !== undefined && !retriable)
}

/** kafkajs wraps what happened into one error per layer of retries, and into one for several topics. */
function rootOf(error: unknown): KafkajsError {
  const layer = error as KafkajsError
  const inner = layer.errors?.[0] ?? layer.cause
  return layer.type === undefined && inner instanceof Error ? rootOf(inner) : layer
}
