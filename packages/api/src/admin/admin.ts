import { silentLogger, type AnyAggregate, type Compatibility, type EventStore, type Logger } from '@tidemark/eventstore'
import type { AnyProjection, ProjectionStore } from '@tidemark/projections'
import type { FastifyPluginAsync } from 'fastify'
import { guard, type GuardOptions } from '../auth/guard.js'
import { ApiConfigurationError } from '../errors.js'
import { useJson } from '../http/json-context.js'
import { answerWithProblems, type ProblemResponseOptions } from '../http/problem-responses.js'
import type { AdminBridge } from './admin-bridge.js'
import type { AdminConsumer } from './admin-consumer.js'
import { StoreHasTenancy, type AdminContext } from './admin-context.js'
import { AdminRoutes } from './admin-route.js'
import { AuditLog } from './audit-log.js'
import type { AdminDatabaseStatus, AdminFinding } from './admin-inspection.js'
import { bridgeKinds } from './kinds/bridge-kinds.js'
import { consumerKinds } from './kinds/consumer-kinds.js'
import { databaseKinds } from './kinds/database-kinds.js'
import { deadLetterKinds } from './kinds/dead-letter-kinds.js'
import { projectionKinds } from './kinds/projection-kinds.js'
import { upkeepKinds } from './kinds/upkeep-kinds.js'
import { OperationRunner } from './operations/operation-runner.js'
import type { PayloadMode } from './payload-view.js'
import { addBridgeRoutes } from './routes/bridge-routes.js'
import { addConsumerRoutes } from './routes/consumer-routes.js'
import { addDatabaseRoutes } from './routes/database-routes.js'
import { addDeadLetterRoutes } from './routes/dead-letter-routes.js'
import { addEventRoutes } from './routes/event-routes.js'
import { addOperationRoutes } from './routes/operation-routes.js'
import { addOverviewRoute } from './routes/overview-route.js'
import { addProjectionRoutes } from './routes/projection-routes.js'
import { addStreamRoutes } from './routes/stream-routes.js'
import { addUpkeepRoutes } from './routes/upkeep-routes.js'

export interface AdminOptions extends ProblemResponseOptions, GuardOptions {
  readonly store: EventStore
  /** What `readModelsIn` gave, where the read models are in another database than the log. */
  readonly readModels?: ProjectionStore | undefined
  readonly aggregates: readonly AnyAggregate[]
  readonly projections: readonly AnyProjection[]
  /** What `operableBridge(…)` of `@tidemark/fanout` makes of bridges; none unless given. */
  readonly bridges?: readonly AdminBridge[]
  /** What `operableConsumer(…)` of `@tidemark/fanout` makes of consumers, or their definitions, which are named alone; none unless given. */
  readonly consumers?: readonly AdminConsumer[]
  /** Looks at everything that the server works with, for `GET doctor`; what it finds holds nothing secret. */
  readonly doctor?: () => Promise<readonly AdminFinding[]>
  /** How the database of the log stands, for `GET database`. */
  readonly database?: () => Promise<AdminDatabaseStatus>
  /** How much of the data of events, states and rows is shown where a request does not say; `masked` unless said. Viewers never see more. */
  readonly payloads?: PayloadMode
  /** What a change of an event's schema must keep working, where a request does not say; `backward` unless given. */
  readonly schemaCompatibility?: Compatibility
  /** How many operations this process runs at once; 4 unless said. Others wait. */
  readonly maxOperations?: number
  /** How long a process may be silent before another one takes its operations up; 15,000 ms unless said. */
  readonly operationLeaseMs?: number
  /** How often this process looks for operations that nobody runs; 1,000 ms unless said. */
  readonly operationPollMs?: number
  /** How long an operation is kept after its end, by the database's clock; 30 days unless said. The audit keeps what it was. */
  readonly operationRetentionMs?: number
  /** Origins of web pages that may change something besides those of this server. */
  readonly allowedOrigins?: readonly string[]
  readonly logger?: Logger
}

/**
 * A Fastify plugin for those who run a store: it shows streams, events, projections, dead letters, bridges and consumers, and changes them.
 *
 * Every change takes a `reason`, may be asked about with `dryRun`, and is written to an audit stream in the store. What takes long is an operation,
 * which outlives the request, and the process: another one that has this plugin takes it up. Viewers look, operators pause, rebuild,
 * redrive and promote, admins truncate, forget, begin epochs and see full payloads; personal fields are replaced for everybody. Register it under a prefix, such as `/admin/v1`.
 *
 * The pool's role needs what writers, projectors and maintainers have together, for what of it is used.
 *
 * @throws {ApiConfigurationError} there is no `authentication`, or a number is not usable.
 *
 * @example
 * await app.register(admin, { prefix: '/admin/v1', authentication, store, aggregates: [Order], projections: [orderSummary] })
 */
export const admin: FastifyPluginAsync<AdminOptions> = async (app, options) => {
  const { store, aggregates, projections, readModels = store, bridges = [], consumers = [] } = options
  const { maxOperations = 4, operationLeaseMs = 15_000, operationPollMs = 1000, logger = silentLogger } = options
  const { operationRetentionMs = 30 * 24 * 60 * 60_000 } = options
  for (const [name, value] of Object.entries({
    maxOperations,
    operationLeaseMs,
    operationPollMs,
    operationRetentionMs,
  })) {
    if (!Number.isInteger(value) || value < 1)
      throw new ApiConfigurationError(`${name} is ${value}: it takes a whole number from 1`)
  }
  useJson(app)
  answerWithProblems(app, options)
  guard(app, options, ({ routeOptions }) => routeOptions.config.adminRole ?? 'viewer')

  const work = { store, readModels, aggregates, projections, bridges, consumers }
  const [ofProjections, ofDeadLetters] = [projectionKinds(work), deadLetterKinds(work)]
  const [ofBridges, ofConsumers] = [bridgeKinds(work), consumerKinds(work)]
  const [ofUpkeep, ofDatabase] = [upkeepKinds(work), databaseKinds(work)]
  const audit = new AuditLog(store)
  const runner = new OperationRunner(store, audit, {
    kinds: [ofProjections, ofDeadLetters, ofBridges, ofConsumers, ofUpkeep, ofDatabase].flatMap((kinds) =>
      Object.values(kinds),
    ),
    names: [...projections, ...bridges, ...consumers].map(({ name }) => name),
    ...{ leaseMs: operationLeaseMs, pollIntervalMs: operationPollMs, maxRunning: maxOperations },
    ...{ retentionMs: operationRetentionMs, logger },
  })
  const tenancy = new StoreHasTenancy(store)
  const { payloads = 'masked', schemaCompatibility = 'backward' } = options
  const context: AdminContext = { ...work, payloads, schemaCompatibility, audit, runner, tenancy }

  const routes = new AdminRoutes(app, options.allowedOrigins ?? [])
  addOverviewRoute(routes, context)
  addStreamRoutes(routes, context)
  addEventRoutes(routes, context)
  addProjectionRoutes(routes, context, ofProjections)
  addDeadLetterRoutes(routes, context, ofDeadLetters)
  addBridgeRoutes(routes, context, ofBridges)
  addConsumerRoutes(routes, context, ofConsumers)
  addUpkeepRoutes(routes, context, ofUpkeep)
  addDatabaseRoutes(routes, context, ofDatabase, options)
  addOperationRoutes(routes, context)
  routes.close()

  app.addHook('onReady', async () => runner.start())
  app.addHook('preClose', () => runner.stop())
}
