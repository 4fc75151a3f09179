import type { EventStore, Logger } from '@tidemark/eventstore'
import { createConsumer, type ConsumerDefinition } from '@tidemark/fanout'
import type { Settings } from '../config/resolve-settings.js'
import { onlyDebug } from './only-debug.js'

export interface StartConsumerOptions {
  readonly settings: Settings
  readonly logger: Logger
  readonly createTopics: boolean
}

/** Starts a consumer on the database of the log; what is returned lets it finish its work and leaves its group. */
export async function startConsumer(
  store: EventStore,
  definition: ConsumerDefinition,
  { settings, logger, createTopics }: StartConsumerOptions,
): Promise<() => Promise<void>> {
  const consumer = createConsumer(store, definition, {
    kafka: { brokers: settings.brokers, logger: onlyDebug(logger) },
    logger,
    ...(createTopics && { createTopics: { replicationFactor: 1 } }),
  })
  await consumer.start()
  return () => consumer.stop()
}
