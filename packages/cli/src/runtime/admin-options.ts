import type { AdminOptions } from '@tidemark/api'
import { DatabaseError, hasPersonalData, type EventStore, type Logger } from '@tidemark/eventstore'
import { createKafkaAdmin, createKafkaProducer, operableBridge, operableConsumer } from '@tidemark/fanout'
import type { Settings } from '../config/resolve-settings.js'
import { readDatabaseStatus } from '../database/database-status.js'
import type { TidemarkConfig } from '../define-config.js'
import { diagnose } from '../doctor/diagnose.js'
import { bridgeSerializers } from './bridge-serializers.js'
import { onlyDebug } from './only-debug.js'

/**
 * What the admin API of a project works with besides its store.
 *
 * Bridges can be looked at and paused always; all else of them, and all of consumers, takes brokers.
 */
export function adminOptionsOf(
  config: TidemarkConfig,
  settings: Settings,
  { store, logger }: { readonly store: EventStore; readonly logger: Logger },
) {
  const { bridges = [], consumers = [], aggregates } = config
  const kafka = settings.brokers.length > 0 ? { brokers: settings.brokers, logger: onlyDebug(logger) } : undefined
  const serializer = kafka && bridges.length > 0 ? bridgeSerializers(config, settings) : undefined
  const sending = kafka && {
    producer: () => createKafkaProducer(kafka),
    admin: () => createKafkaAdmin(kafka),
    ...(serializer && { serializer: serializer() }),
  }
  const tell = (error: unknown) => {
    logger.warn({ err: error }, 'a check of the doctor failed')
    const state = error instanceof DatabaseError && error.sqlState !== undefined ? ` (${error.sqlState})` : ''
    return `the log of the server tells why${state}`
  }
  return {
    bridges: bridges.map((bridge) => operableBridge(store, bridge, sending)),
    consumers: consumers.map((consumer) => operableConsumer(store, consumer, kafka)),
    doctor: () => diagnose(config, settings, { tell, hidesErrors: aggregates.some(hasPersonalData) }),
    database: () => readDatabaseStatus(settings),
    ...(config.schemas?.compatibility && { schemaCompatibility: config.schemas.compatibility }),
  } satisfies Partial<AdminOptions>
}
