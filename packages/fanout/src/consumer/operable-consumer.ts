import type { EventStore } from '@tidemark/eventstore'
import type { KafkaConnectionOptions } from '../kafka-connection.js'
import { readConsumerLag, type ConsumerLag } from './consumer-lag.js'
import type { ConsumerDefinition } from './define-consumer.js'
import { forgetInbox } from './inbox.js'
import {
  countDeadLetters,
  redriveDeadLetters,
  type RedriveOptions,
  type RedriveReport,
} from './redrive-dead-letters.js'
import { resetConsumer, type ResetConsumerOptions, type ResetPartition } from './reset-consumer.js'

export interface ResetAndForget extends ResetConsumerOptions {
  /** Has it handle again what it has handled before. */
  readonly forgetInbox?: boolean
}

/** A consumer as tools look at it and change it, whichever processes run it. */
export interface OperableConsumer {
  readonly name: string
  readonly group: string
  readonly topics: readonly string[]
  readonly types: Iterable<string>
  lag?(): Promise<ConsumerLag>
  reset?(options: ResetAndForget): Promise<readonly ResetPartition[]>
  /** How many records of its dead-letter topics a redrive would look at. */
  deadLetters?(): Promise<bigint>
  redrive?(options: Pick<RedriveOptions, 'signal'>): Promise<RedriveReport>
}

/**
 * Makes of a definition what the admin API of `@tidemark/api` takes as one of its `consumers`; without Kafka it can only be named.
 *
 * @example
 * const consumers = [operableConsumer(store, notifications, { brokers: ['127.0.0.1:9092'] })]
 */
export function operableConsumer(
  store: EventStore,
  definition: ConsumerDefinition,
  kafka?: KafkaConnectionOptions,
): OperableConsumer {
  const { name, group, topics, types } = definition
  return {
    ...{ name, group, topics, types },
    ...(kafka && {
      lag: async () => (await readConsumerLag(kafka, [definition]))[0],
      reset: async ({ forgetInbox: forget = false, ...where }) => {
        const moved = await resetConsumer(kafka, definition, where)
        // Only now: a crash in between leaves records that are recognised, not effects that are doubled.
        if (forget && !where.dryRun) await forgetInbox(store, definition)
        return moved
      },
      deadLetters: () => countDeadLetters(kafka, definition),
      redrive: (options) => redriveDeadLetters(kafka, definition, options),
    }),
  }
}
