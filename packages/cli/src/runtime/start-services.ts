import {
  checkSchemas,
  createEventStore,
  type CheckSchemasOptions,
  type EventStore,
  type Logger,
} from '@tidemark/eventstore'
import { createBridge, createKafkaProducer, type BridgeDefinition, type PayloadSerializer } from '@tidemark/fanout'
import { createProjector, type Projector } from '@tidemark/projections'
import { storeOptionsOf, type Settings } from '../config/resolve-settings.js'
import { openPool } from '../database/open-database.js'
import { openReadModels } from '../database/open-read-models.js'
import type { TidemarkConfig } from '../define-config.js'
import { bridgeSerializers } from './bridge-serializers.js'
import { onlyDebug } from './only-debug.js'
import type { ServiceName } from './service-names.js'
import { startApi } from './start-api.js'
import { startConsumer } from './start-consumer.js'

export interface ServicesOptions {
  readonly only: readonly ServiceName[]
  readonly logger: Logger
  /** Creates topics that are missing, as on a broker of one's own. */
  readonly createTopics?: boolean
  /** Whether admins see the data of events as it is; masked unless said, as `createServer` has it. */
  readonly showPayloads?: boolean
  /** Checks the schemas of events before anything runs. */
  readonly schemas?: CheckSchemasOptions | undefined
}

/** What is running, and how to end it. */
export interface Services {
  readonly store: EventStore
  /** Where the API listens; undefined when it does not run here. */
  readonly url: string | undefined
  /** The names of the bridges that run here. */
  readonly bridges: readonly string[]
  /** The names of the consumers that run here. */
  readonly consumers: readonly string[]
  /** Takes no new work, finishes what is in work, gives leases back, and closes everything. */
  stop(): Promise<void>
}

/**
 * Starts the wanted parts on one database; what was started is stopped again when a later part cannot start.
 *
 * @throws {LogRestoredError} @throws {StoreCorruptError} the database is not fit to run on.
 * @throws {SurroundingError} the database, the port or a broker cannot be used. @throws {BrokerUnavailableError}
 */
export async function startServices(
  config: TidemarkConfig,
  settings: Settings,
  { only, logger, schemas, createTopics = false, showPayloads = false }: ServicesOptions,
): Promise<Services> {
  const stops: (() => Promise<unknown>)[] = []
  const stop = async () => {
    for (const stopOne of stops.splice(0).reverse()) await stopOne()
  }
  try {
    const pool = await openPool(settings)
    stops.push(() => pool.end())
    const store = createEventStore(pool, { ...storeOptionsOf(settings), logger })
    stops.push(() => store.close())
    await store.verifyEpoch()
    if (schemas) await checkSchemasAtStart(store, config, schemas, logger)
    await store.prepare()

    const opened = await openReadModels(store, settings, logger)
    const { readModels } = opened
    // The store's subscriptions end before their checkpoints are out of reach.
    stops.unshift(() => opened.close())
    let projector: Projector | undefined
    if (only.includes('projections')) {
      projector = createProjector(readModels, config.projections ?? [], { logger })
      stops.push(() => projector?.stop() ?? Promise.resolve())
      await projector.start()
    }
    const bridges = only.includes('bridge') && settings.brokers.length > 0 ? (config.bridges ?? []) : []
    const serializer = bridges.length > 0 ? bridgeSerializers(config, settings) : undefined
    for (const bridge of bridges) {
      const parts = { settings, logger, createTopics, serializer: serializer?.() }
      stops.push(await startBridge(store, bridge, parts))
    }
    const consumers = only.includes('consumers') && settings.brokers.length > 0 ? (config.consumers ?? []) : []
    for (const consumer of consumers)
      stops.push(await startConsumer(store, consumer, { settings, logger, createTopics }))
    const url = only.includes('api')
      ? await startApi(config, settings, { store, readModels, projector, logger, stops, showPayloads })
      : undefined
    const namesOf = (things: readonly { readonly name: string }[]) => things.map(({ name }) => name)
    return { store, url, bridges: namesOf(bridges), consumers: namesOf(consumers), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function startBridge(
  store: EventStore,
  definition: BridgeDefinition,
  parts: {
    readonly settings: Settings
    readonly logger: Logger
    readonly createTopics: boolean
    readonly serializer: PayloadSerializer | undefined
  },
): Promise<() => Promise<void>> {
  const { settings, logger, createTopics, serializer } = parts
  const bridge = createBridge(store, definition, {
    producer: () => createKafkaProducer({ brokers: settings.brokers, logger: onlyDebug(logger) }),
    logger,
    ...(serializer && { serializer }),
    ...(createTopics && { createTopics: { partitions: 3, replicationFactor: 1 } }),
  })
  try {
    await bridge.start()
    return () => bridge.stop()
  } catch (error) {
    await bridge.stop()
    throw error
  }
}

async function checkSchemasAtStart(
  store: EventStore,
  { aggregates }: TidemarkConfig,
  options: CheckSchemasOptions,
  logger: Logger,
): Promise<void> {
  for (const { category, type, status } of await checkSchemas(store, aggregates, options)) {
    if (status === 'dropped') logger.warn({ category, type }, 'a registered event is not known to this code: retire it')
  }
}
