import { createServer } from '@tidemark/api'
import type { EventStore, Logger } from '@tidemark/eventstore'
import { listBridges } from '@tidemark/fanout'
import type { ProjectionStore, Projector } from '@tidemark/projections'
import type { Settings } from '../config/resolve-settings.js'
import type { TidemarkConfig } from '../define-config.js'
import { adminOptionsOf } from './admin-options.js'
import { listenProblem } from './listen-problem.js'
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
  const { store, readModels, projector, logger, stops, showPayloads } = parts
  const { admin, metrics, ...options } = serverOptionsOf(config)
  const server = createServer({
    ...options,
    ...{ store, readModels, projector, logger },
    ...(metrics && { metrics: { bridges: () => listBridges(store, config.bridges ?? []) } }),
    admin: admin && { ...adminOptionsOf(config, settings, parts), ...(showPayloads && { payloads: 'full' }) },
  })
  stops.push(() => server.close())
  try {
    return await server.listen({ host, port })
  } catch (error) {
    throw listenProblem(error, host, port)
  }
}
