import type { EventStore } from '@tidemark/eventstore'
import type { AnyProjection, ProjectionStore } from '@tidemark/projections'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import type * as Prometheus from 'prom-client'
import { guard, type GuardOptions } from '../auth/guard.js'
import { ApiConfigurationError } from '../errors.js'
import { useJson } from '../http/json-context.js'
import { refuseOtherMethods } from '../http/method-not-allowed.js'
import { answerWithProblems, type ProblemResponseOptions } from '../http/problem-responses.js'
import { problemResponses, type RouteDocument } from '../http/route-document.js'
import { StoreFigures, type BridgeFigures } from './store-figures.js'

export interface MetricsOptions extends ProblemResponseOptions, GuardOptions {
  readonly store: EventStore
  /** What `readModelsIn` gave, where the projections are in another database. */
  readonly readModels?: ProjectionStore | undefined
  /** The projections whose lag is told. */
  readonly projections?: readonly AnyProjection[]
  /** How the bridges are getting on, such as `() => listBridges(store, [orders])`. */
  readonly bridges?: (() => Promise<readonly BridgeFigures[]>) | undefined
  /** Where the figures are served; `/metrics` unless said. */
  readonly path?: string
}

/**
 * A Fastify plugin that serves figures for Prometheus, to callers with the role `viewer`: how long requests took, by the pattern of their route, and
 * what the database knows of head, projections, bridges and commands.
 *
 * The durations are those of all routes that are registered after it, and outside of it. Scrapes at the same time share one look at the database; what a look
 * cannot tell is left out, and `tidemark_look_failed` says so. Needs `prom-client` 15, which is loaded when this is registered.
 *
 * @throws {ApiConfigurationError} `prom-client` is not installed.
 *
 * @example
 * await app.register(metrics, { authentication, store, projections })
 */
export const metrics: FastifyPluginAsync<MetricsOptions> = fastifyPlugin(
  async (app: FastifyInstance, options: MetricsOptions) => {
    const prometheus = await loadPrometheus()
    const registry = new prometheus.Registry()
    measureRequests(app, prometheus, registry)
    await app.register(async (own) => serveFigures(own, prometheus, registry, options))
  },
  { name: '@tidemark/api/metrics', fastify: '5.x' },
)

async function loadPrometheus(): Promise<typeof Prometheus> {
  try {
    return await import('prom-client')
  } catch (cause) {
    throw new ApiConfigurationError('metrics need the package prom-client: npm install prom-client@15', { cause })
  }
}

/** Measures requests by the pattern of their route: a path itself would make as many figures as there are ids. */
function measureRequests(app: FastifyInstance, { Histogram }: typeof Prometheus, registry: Prometheus.Registry): void {
  const durations = new Histogram({
    name: 'tidemark_http_request_duration_seconds',
    help: 'how long requests took, from their headers to the end of the answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  })
  app.addHook('onResponse', async (request, reply) => {
    const labels = { method: request.method, route: request.routeOptions.url ?? 'none', status: reply.statusCode }
    durations.observe(labels, reply.elapsedTime / 1000)
  })
}

async function serveFigures(
  app: FastifyInstance,
  prometheus: typeof Prometheus,
  registry: Prometheus.Registry,
  options: MetricsOptions,
): Promise<void> {
  const { store, readModels = store, projections = [], bridges, path = '/metrics' } = options
  const figures = new StoreFigures(prometheus, registry, { store, readModels, projections, bridges })
  useJson(app)
  answerWithProblems(app, options)
  guard(app, options, 'viewer')
  let looking: Promise<string> | undefined
  const scrape = () =>
    (looking ??= figures
      .look()
      .then((failures) => {
        for (const err of failures) app.log.warn({ err }, 'figures are missing: a look at the database failed')
        return registry.metrics()
      })
      .finally(() => (looking = undefined)))
  app.get(path, { schema: document }, async (_request, reply) => {
    const text = await scrape()
    return reply
      .type(registry.contentType)
      .header('cache-control', 'no-store')
      .serializer((payload: string) => payload)
      .send(text)
  })
  refuseOtherMethods(app, path, ['GET'])
}

const document: RouteDocument = {
  tags: ['metrics'],
  summary: 'Figures for Prometheus',
  operationId: 'metrics',
  response: {
    200: { description: 'The figures', content: { 'text/plain': { schema: { type: 'string' } } } },
    ...problemResponses([503]),
  },
}
