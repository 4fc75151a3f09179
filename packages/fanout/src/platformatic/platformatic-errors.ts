import { BatchTooLargeError, BrokerUnavailableError, FanoutError, KafkaRefusedError } from '../errors.js'

/** What is read of the errors of `@platformatic/kafka`. */
interface PlatformaticError {
  readonly message: string
  readonly code?: string
  /** Kafka's name for it. */
  readonly apiId?: string
  readonly canRetry?: boolean
  readonly cause?: unknown
  /** One for each try, broker or partition; what went well leaves a hole. */
  readonly errors?: readonly unknown[]
}

const tooLarge: ReadonlySet<string | undefined> = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'])

/**
 * Turns an error of `@platformatic/kafka` into a typed one, by Kafka's name for it and never by its text; the first error stays as
 * the cause.
 *
 * Of several, one that no further try can mend comes first, and otherwise the last. Everything without Kafka's own name comes from
 * the connection, and may pass. Errors of this package pass.
 */
export function translatePlatformaticError(error: unknown, brokers: readonly string[]): FanoutError {
  if (error instanceof FanoutError) return error
  const leaves = leavesOf(error)
  if (leaves.some(({ apiId }) => tooLarge.has(apiId))) return new BatchTooLargeError({ cause: error })
  const named = leaves.filter(({ apiId }) => apiId !== undefined)
  const refusal =
    named.find(({ canRetry }) => !canRetry) ?? (leaves.at(-1)?.apiId === undefined ? undefined : named.at(-1))
  if (refusal?.apiId === undefined) {
    return new BrokerUnavailableError(brokers, leaves.at(-1)?.message ?? String(error), { cause: error })
  }
  const { apiId, message, canRetry = false } = refusal
  return new KafkaRefusedError(apiId, `Kafka refused (${apiId}): ${message}`, { cause: error, retryable: canRetry })
}

/**
 * Whether a question for the metadata of topics failed because there is no such topic.
 *
 * Later releases keep Kafka's name to themselves and call it a mistake of the user; a question of ours has no other.
 */
export function isUnknownTopic(error: unknown): boolean {
  return leavesOf(error).some(({ apiId, code }) => apiId === 'UNKNOWN_TOPIC_OR_PARTITION' || code === 'PLT_KFK_USER')
}

export function isExistingTopic(error: unknown): boolean {
  return leavesOf(error).some(({ apiId }) => apiId === 'TOPIC_ALREADY_EXISTS')
}

/** The errors at the bottom, in the order in which they happened. */
function leavesOf(error: unknown): readonly PlatformaticError[] {
  if (!(error instanceof Error)) return []
  const { errors, cause, apiId } = error as PlatformaticError
  const inner = apiId === undefined ? (errors ?? [cause]).flatMap(leavesOf) : []
  return inner.length > 0 ? inner : [error]
}
