import fastifySwagger from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import { silentLogger, type AnyAggregate, type EventStore, type Logger } from '@tidemark/eventstore'
import type { AnyProjection, ProjectionStore } from '@tidemark/projections'
import fastify, { LogController, type FastifyInstance, type FastifyListenOptions } from 'fastify'
import { admin, type AdminOptions } from './admin/admin.js'
import type { GuardOptions } from './auth/guard.js'
import type { Authentication } from './auth/principal.js'
import { commands, type CommandsOptions } from './commands/commands.js'
import { ProblemError, UnauthenticatedHostError } from './errors.js'
import { health, type ReadinessCheck } from './health.js'
import { answerBrokenRequest } from './http/broken-request.js'
import { completeDocument } from './http/complete-document.js'
import { isLoopback } from './http/loopback.js'
import { refuseOtherMethods } from './http/method-not-allowed.js'
import { problemOfError } from './http/problem-of-error.js'
import { serveProblemPages } from './http/problem-pages.js'
import { answerWithProblems, sendProblem, type ProblemResponseOptions } from './http/problem-responses.js'
import { contentSecurityPolicy, protectServer, type ProtectionOptions } from './http/protect-server.js'
import { requestIdOf, tellRequestIds } from './http/request-ids.js'
import { metrics, type MetricsOptions } from './metrics/metrics.js'
import { readModels, type ReadModelsOptions } from './read-models/read-models.js'
import type { ProjectionWaiter } from './read-models/read-your-writes.js'
import { undocumented } from './http/route-document.js'
import { serverLogger } from './http/server-logger.js'

export interface ServerOptions
  extends
    ProblemResponseOptions,
    ProtectionOptions,
    Pick<ReadModelsOptions, 'cursorSecret' | 'readPool' | 'statementTimeoutMs' | 'maxWaiters' | 'live'>,
    Pick<CommandsOptions, 'commandRules' | 'idempotencyLifetimeMs' | 'commandLeaseMs' | 'maxWaitingCommands'> {
  readonly store: EventStore
  /** What `readModelsIn` gave, where the read models are in another database than the log. */
  readonly readModels?: ProjectionStore | undefined
  readonly aggregates: readonly AnyAggregate[]
  readonly projections: readonly AnyProjection[]
  /** The projector, when it runs in this process. */
  readonly projector?: ProjectionWaiter | undefined
  readonly logger?: Logger
  /** More readiness checks by name. */
  readonly checks?: Readonly<Record<string, ReadinessCheck>>
  /** Who sent a request; without it nobody is asked, everybody may do everything, and only this machine can reach the server. */
  readonly authentication?: Authentication
  /** Lets the server listen where other machines reach it, although it asks nobody who they are. */
  readonly allowUnauthenticated?: boolean
  /** Serves figures for Prometheus at `/metrics`, with those of the bridges that are given; not unless said. Needs `prom-client`. */
  readonly metrics?: true | Pick<MetricsOptions, 'bridges'>
  /** Proxies in front whose `X-Forwarded-*` headers are believed: true for whoever is the last, or their addresses; none unless said. */
  readonly trustProxy?: boolean | string | readonly string[]
  /** Whether the admin API is there, under `/admin/v1`, and what it has besides; not unless said. */
  readonly admin?:
    | boolean
    | Omit<AdminOptions, 'store' | 'readModels' | 'aggregates' | 'projections' | 'authentication' | 'problemBase'>
  /** The largest body; 64 KiB unless said. */
  readonly bodyLimitBytes?: number
  /** The name and version that the OpenAPI document gives the API. */
  readonly info?: { readonly title: string; readonly version: string; readonly description?: string }
}

/**
 * Makes the HTTP server of a store: read models and commands under `/v1`, health under `/health`, the OpenAPI document at
 * `/openapi.json` and its pages at `/docs`, pages of problems at `/problems`, and figures at `/metrics`.
 *
 * Health, documents and problems are open to everybody, since they hold no data; all else takes a role. Answers carry headers that keep browsers from
 * doing more with a page than it is for. A busy server refuses with 503 (`pressure`), and a caller that sends too much with 429 (`rateLimit`).
 *
 * Without `authentication` nobody is asked who they are, so it listens on this machine alone: `localhost` unless a host is given, and no other host
 * unless `allowUnauthenticated` is set. `close()` lets requests in flight finish; the store stays open.
 *
 * `ready()` and `listen()` reject with {@link ApiConfigurationError} for what the plugins cannot serve, and `listen()` with
 * {@link UnauthenticatedHostError} for such a host.
 *
 * @example
 * const app = createServer({ store, aggregates: [Order], projections: [orderSummary], projector })
 * await app.listen({ port: 4400 })
 */
export function createServer(options: ServerOptions): FastifyInstance {
  const {
    store,
    readModels: projectionStore = store,
    aggregates,
    projections,
    projector,
    authentication,
    problemBase,
    logger = silentLogger,
  } = options
  const app = fastify({
    loggerInstance: serverLogger(logger),
    genReqId: requestIdOf,
    trustProxy: typeof options.trustProxy === 'object' ? [...options.trustProxy] : (options.trustProxy ?? false),
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    bodyLimit: options.bodyLimitBytes ?? 64 * 1024,
    // An id has up to 512 bytes, each of which takes three characters in a path.
    routerOptions: { maxParamLength: 2048 },
    return503OnClosing: false,
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, request, reply) => void sendProblem(request, reply, problemOfError(error), problemBase),
  })
  const problems = problemBase === undefined ? {} : { problemBase }

  tellRequestIds(app)
  endConnectionsOnClose(app)
  answerWithProblems(app, problems)
  protectServer(app, options)
  app.setNotFoundHandler(async (request) => {
    throw new ProblemError(
      'not-found',
      `there is nothing at ${request.method} ${JSON.stringify(request.url.slice(0, 200))}: /docs lists what there is`,
    )
  })

  app.register(fastifySwagger, {
    openapi: { openapi: '3.1.0', info: { title: 'Tidemark', version: '1', ...options.info } },
    transformObject: completeDocument({
      isGuarded: authentication !== undefined,
      isLimited: options.rateLimit !== undefined,
    }),
  })
  const asked: GuardOptions = { authentication: authentication ?? 'none' }
  const common = { ...options, ...problems, ...asked }
  if (options.metrics) {
    const { bridges } = options.metrics === true ? {} : options.metrics
    app.register(metrics, { ...problems, ...common, store, readModels: projectionStore, projections, bridges })
  }
  app.register(fastifySwaggerUi, {
    routePrefix: '/docs',
    staticCSP: contentSecurityPolicy,
    // It would ask a server on the internet whether the document is valid.
    uiConfig: { validatorUrl: null },
  })
  app.register(async (documented) => {
    for (const url of ['/docs', '/docs/*']) refuseOtherMethods(documented, url, ['GET'])
    documented.get('/openapi.json', { schema: undocumented }, async () => app.swagger())
    refuseOtherMethods(documented, '/openapi.json', ['GET'])
    serveProblemPages(documented)
    await documented.register(health, {
      ...problems,
      prefix: '/health',
      store,
      readModels: projectionStore,
      projections,
      checks: options.checks ?? {},
    })
    const api = { ...common, prefix: '/v1' }
    await documented.register(readModels, { ...api, store: projectionStore, projector })
    await documented.register(commands, { ...api, aggregates })
    if (options.admin) {
      const more = options.admin === true ? {} : options.admin
      const { allowedOrigins = [] } = options
      await documented.register(admin, {
        allowedOrigins,
        logger,
        ...more,
        ...common,
        prefix: '/admin/v1',
        aggregates,
        store,
        readModels: projectionStore,
      })
    }
  })
  return options.allowUnauthenticated || authentication ? app : onlyOnLoopback(app)
}

/** While the server closes, answers end their connections: one kept alive would hold `close()` until the client lets go of it. */
function endConnectionsOnClose(app: FastifyInstance): void {
  let closing = false
  app.addHook('preClose', async () => void (closing = true))
  app.addHook('onRequest', (_request, _reply, done) => {
    const headers = { 'retry-after': '1' }
    done(closing ? new ProblemError('closing', 'the server is closing: try again', { headers }) : undefined)
  })
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (closing) void reply.header('connection', 'close')
    done()
  })
}

/** Makes `listen` refuse a host that other machines reach, before the port is open. */
function onlyOnLoopback(app: FastifyInstance): FastifyInstance {
  const listen = app.listen.bind(app) as (...args: unknown[]) => unknown
  const guarded = (options: FastifyListenOptions = {}, ...rest: unknown[]): unknown => {
    const { host, path } = options
    if (path === undefined && host !== undefined && !isLoopback(host))
      return Promise.reject(new UnauthenticatedHostError(host))
    return listen(options, ...rest)
  }
  return Object.assign(app, { listen: guarded as FastifyInstance['listen'] })
}
