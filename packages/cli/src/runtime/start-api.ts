import { createServer, type AdminOptions } from '@tidemark/api'
import type { EventStore, Logger } from '@tidemark/eventstore'
import { createKafkaProducer, listBridges, operableBridge } from '@tidemark/fanout'
import type { ProjectionStore, Projector } from '@tidemark/projections'
import type { Settings } from '../config/resolve-settings.js'
import type { TidemarkConfig } from '../define-config.js'
import { bridgeSerializers } from './bridge-serializers.js'
import { listenProblem } from './listen-problem.js'
import { onlyDebug } from './only-debug.js'
import { serverOptionsOf } from './server-options.js'

export interface ApiParts {
  readonly store: EventStore
  readonly readModels: ProjectionStore
  /** When it runs in this process. */
  readonly projector: Projector | undefined
  readonly logger: Logger
  /** Whether admins see the data of events as it is. */
  readonly showPayloads: boolean
  /** Where the way to stop it is put. */
  readonly stops: (() => Promise<unknown>)[]
}

/** Serves the API of a project; gives its address. @throws {SurroundingError} the port cannot be had. */
export async function startApi(config: TidemarkConfig, settings: Settings, parts: ApiParts): Promise<string> {
  const { host, port } = settings
  const { store, readModels, projector, logger, stops } = parts
  const { admin, metrics, ...options } = serverOptionsOf(config)
  const server = createServer({
    ...options,
    ...{ store, readModels, projector, logger },
    ...(metrics && { metrics: { bridges: () => listBridges(store, config.bridges ?? []) } }),
    admin: admin && adminOf(config, settings, parts),
  })
  stops.push(() => server.close())
  try {
    return await server.listen({ host, port })
  } catch (error) {
    throw listenProblem(error, host, port)
  }
}

/** Bridges can be looked at and paused always; to retry and to replay takes brokers. */
function adminOf(config: TidemarkConfig, settings: Settings, { store, logger, showPayloads }: ApiParts) {
  const { brokers } = settings
  const { bridges = [], consumers = [] } = config
  const producer = () => createKafkaProducer({ brokers, logger: onlyDebug(logger) })
  const canSend = brokers.length > 0 && bridges.length > 0
  const serializer = canSend ? bridgeSerializers(config, settings) : undefined
  const sending = canSend ? { producer, ...(serializer && { serializer: serializer() }) } : {}
  return {
    bridges: bridges.map((bridge) => operableBridge(store, bridge, sending)),
    consumers,
    ...(showPayloads && { payloads: 'full' }),
  } satisfies Partial<AdminOptions>
}
