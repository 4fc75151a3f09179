import { databaseOf } from '@tidemark/eventstore'
import { createProjector, type AnyProjection, type Projection, type ProjectionStore } from '@tidemark/projections'
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify'
import type { Pool } from 'pg'
import { guard, principalOf, type GuardOptions } from '../auth/guard.js'
import { ApiConfigurationError, ProblemError } from '../errors.js'
import { useJson } from '../http/json-context.js'
import { adviseName, quoted } from '../http/nearest-name.js'
import { answerWithProblems, type ProblemResponseOptions } from '../http/problem-responses.js'
import { undocumented } from '../http/route-document.js'
import { Cursors } from './cursor.js'
import { LiveRows, type LiveRowsOptions } from './live/live-rows.js'
import type { ReadContext } from './read-context.js'
import { createReadPool } from './read-pool.js'
import { serveReadModel } from './read-routes.js'
import { ReadYourWrites, type ProjectionWaiter } from './read-your-writes.js'
import { RowPast } from './row-past.js'
import { canReadLog } from './sql/can-read-log.js'
import { serveModel } from './served-model.js'

export interface ReadModelsOptions extends ProblemResponseOptions, GuardOptions {
  /** The store, or what `readModelsIn` gave where the read models are in another database. */
  readonly store: ProjectionStore
  /** The projections to serve; handlers without a table are passed over. */
  readonly projections: readonly AnyProjection[]
  /** The projector, when it runs in this process: reads that wait are then woken at once, and by a look at the database otherwise. */
  readonly projector?: ProjectionWaiter | undefined
  /** Signs cursors; random for each process unless given, so give the same to all processes behind one address. */
  readonly cursorSecret?: string | undefined
  /** Connections for reads; a pool of 4 with the settings of the read models', read-only, unless given. It is not ended. */
  readonly readPool?: Pool | undefined
  /** How long one query may take, unless `readPool` is given; 2,000 ms unless said. */
  readonly statementTimeoutMs?: number
  /** How many reads may wait for projections at once; 1,000 unless said. */
  readonly maxWaiters?: number
  /** Bounds of the streams of live rows. */
  readonly live?: LiveRowsOptions
}

/**
 * A Fastify plugin that serves read models: `GET {projection}` in pages, `GET {projection}/{key}`, also as it was (`asOf`), and of the key the
 * `history` and the `blame`.
 *
 * The first two answer `Accept: text/event-stream` with live rows: every change, for as long as the client stays.
 *
 * Rows that lack a parked event are told: by `page.incomplete`, and by the header `Tidemark-Incomplete`.
 *
 * Filters and sorts are those that the definition allows; pages go on by signed cursors (`after`, `before`), never by offset. With a
 * `Consistency-Token` a read waits until the projection shows that command. Register it under a prefix, such as `/v1`.
 *
 * @throws {ApiConfigurationError} two projections have one name, or a column has the name of a query parameter.
 *
 * @example
 * await app.register(readModels, { prefix: '/v1', authentication, store, projections: [orderSummary], projector })
 */
export const readModels: FastifyPluginAsync<ReadModelsOptions> = async (app, options) => {
  const { store, cursorSecret, statementTimeoutMs = 2000, maxWaiters = 1000 } = options
  const projections = readModelsAmong(options.projections)
  const models = projections.map((projection) => ({ projection, model: serveModel(store, projection) }))
  const readPool = options.readPool ?? createReadPool(store, { max: 4, statementTimeoutMs })
  if (readPool !== options.readPool) app.addHook('onClose', () => readPool.end())
  const waiter = options.projector ?? waiterOf(app, store, projections)
  // Texts of queries differ from request to request: prepared under names they would fill the server's memory.
  const database = { ...store.database, queryable: readPool, prepare: false }
  const live = new LiveRows(store, database, app.log, options.live)
  app.addHook('preClose', () => live.close())
  let seesLog: Promise<boolean> | undefined
  const context: ReadContext = {
    store,
    database,
    preparing: { ...database, prepare: store.database.prepare && databaseOf(readPool, {}).prepare },
    live,
    cursors: new Cursors(cursorSecret),
    consistency: new ReadYourWrites(store, waiter, maxWaiters),
    past: new RowPast(store),
    seesLog: () =>
      (seesLog ??= canReadLog(database).catch((error: unknown) => {
        seesLog = undefined
        throw error
      })),
    callerOf: (request) => (options.authentication === 'none' ? undefined : principalOf(request).subject),
  }
  useJson(app)
  answerWithProblems(app, options)
  guard(app, options, 'reader')
  for (const served of models) serveReadModel(app, served, context)
  const refuse = async (request: FastifyRequest) => {
    const { projection } = request.params as { projection: string }
    const names = models.map(({ model }) => model.name)
    throw new ProblemError(
      'unknown-projection',
      `there is no projection ${quoted(projection)}: ${adviseName(projection, names)}`,
    )
  }
  for (const url of ['/:projection', '/:projection/:key', '/:projection/:key/history', '/:projection/:key/blame']) {
    app.get(url, { schema: undocumented, onRequest: refuse }, refuse)
  }
}

/** A projector that is never started projects nothing, and still knows from the database how far others have come. */
function waiterOf(app: FastifyInstance, store: ProjectionStore, projections: readonly Projection[]): ProjectionWaiter {
  const projector = createProjector(store, projections)
  app.addHook('preClose', () => projector.stop())
  return projector
}

function readModelsAmong(projections: readonly AnyProjection[]): readonly Projection[] {
  const models = projections.filter((projection) => projection.kind === 'read-model')
  for (const [index, { name }] of models.entries()) {
    if (models.findIndex((other) => other.name === name) !== index) {
      throw new ApiConfigurationError(`two projections are named "${name}": their rows would share a path`)
    }
  }
  return models
}
