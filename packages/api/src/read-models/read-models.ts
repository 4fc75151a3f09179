import { DatabaseError, databaseOf, type Database } from '@tidemark/eventstore'
import {
  createProjector,
  incompleteRows,
  type AnyProjection,
  type Projection,
  type ProjectionStore,
} from '@tidemark/projections'
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { createHash } from 'node:crypto'
import type { Pool } from 'pg'
import { Cursors } from './cursor.js'
import { guard, type GuardOptions } from '../auth/guard.js'
import { ApiConfigurationError, ProblemError } from '../errors.js'
import { toJson, useJson } from '../http/json-context.js'
import { refuseOtherMethods } from '../http/method-not-allowed.js'
import { adviseName, quoted } from '../http/nearest-name.js'
import { answerWithProblems, type ProblemResponseOptions } from '../http/problem-responses.js'
import { queryValue } from './query-value.js'
import { documentList, documentRow } from './read-model-document.js'
import { createReadPool } from './read-pool.js'
import { identityOf, parseReadQuery, parseRowQuery, type RawQuery } from './read-query.js'
import { ReadYourWrites, type ProjectionWaiter } from './read-your-writes.js'
import { undocumented } from '../http/route-document.js'
import { serveModel, type ServedModel } from './served-model.js'
import { selectPage } from './sql/select-page.js'
import { selectRow } from './sql/select-row.js'

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
}

interface Served {
  readonly projection: Projection
  readonly model: ServedModel
}

interface Context {
  readonly store: ProjectionStore
  readonly database: Database
  /** The same for statements of which there are few. */
  readonly preparing: Database
  readonly cursors: Cursors
  readonly consistency: ReadYourWrites
}

/**
 * A Fastify plugin that serves read models: `GET {projection}` in pages, and `GET {projection}/{key}`.
 *
 * Rows that lack a parked event are told: by `page.incomplete`, and by the header `Tidemark-Incomplete`.
 *
 * Filters and sorts are those that the definition allows; pages go on by signed cursors (`after`), never by offset. With a
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
  const context: Context = {
    store,
    // Texts of queries differ from request to request: prepared under names they would fill the server's memory.
    database: { ...store.database, queryable: readPool, prepare: false },
    preparing: {
      ...store.database,
      queryable: readPool,
      prepare: store.database.prepare && databaseOf(readPool, {}).prepare,
    },
    cursors: new Cursors(cursorSecret),
    consistency: new ReadYourWrites(store, waiter, maxWaiters),
  }
  useJson(app)
  answerWithProblems(app, options)
  guard(app, options, 'reader')
  for (const { projection, model } of models) {
    app.get<{ Querystring: RawQuery }>(`/${model.name}`, { schema: documentList(model) }, async (request, reply) => {
      const query = parseReadQuery(model, request.query, context.cursors)
      await context.consistency.wait(projection, request, reply)
      return sendPage(context, { projection, model }, query, request, reply)
    })
    app.get<{ Params: { key: string }; Querystring: RawQuery }>(
      `/${model.name}/:key`,
      { schema: documentRow(model) },
      async (request, reply) => {
        const fields = parseRowQuery(model, request.query)
        await context.consistency.wait(projection, request, reply)
        return sendRow(context, { projection, model }, fields, request, reply)
      },
    )
    for (const url of [`/${model.name}`, `/${model.name}/:key`]) refuseOtherMethods(app, url, ['GET'])
  }
  const refuse = async (request: FastifyRequest) => {
    const { projection } = request.params as { projection: string }
    const names = models.map(({ model }) => model.name)
    throw new ProblemError(
      'unknown-projection',
      `there is no projection ${quoted(projection)}: ${adviseName(projection, names)}`,
    )
  }
  for (const url of ['/:projection', '/:projection/:key']) {
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

async function sendPage(
  { store, database, cursors }: Context,
  { projection, model }: Served,
  query: ReturnType<typeof parseReadQuery>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { rows, keys, next } = await selectPage(database, model, query).catch(asReadProblem(model))
  const incomplete = [...(await incompleteAmong(store, projection, keys))]
  const cursor = next ? cursors.write(next, identityOf(model, query)) : null
  if (cursor !== null) void reply.header('link', `<${nextPath(request, cursor)}>; rel="next"`)
  return reply
    .headers(readHeaders)
    .send({ data: rows, page: { next: cursor, ...(incomplete.length > 0 && { incomplete }) } })
}

async function sendRow(
  { store, preparing }: Context,
  { projection, model }: Served,
  fields: Parameters<typeof selectRow>[2],
  request: FastifyRequest<{ Params: { key: string } }>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { key } = request.params
  const keyText = queryValue(key, model.key.kind)
  const [row, incomplete] =
    keyText === undefined
      ? [undefined, undefined]
      : await Promise.all([
          selectRow(preparing, model, fields, keyText).catch(asReadProblem(model)),
          incompleteAmong(store, projection, [keyText]),
        ])
  if (incomplete && incomplete.size > 0) void reply.header('tidemark-incomplete', 'parked-event')
  if (!row) throw new ProblemError('row-not-found', `projection "${model.name}" has no row with the key ${quoted(key)}`)
  const body = toJson(row)
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`
  void reply.headers({ ...readHeaders, etag })
  if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send()
  return reply
    .type('application/json; charset=utf-8')
    .serializer((text: string) => text)
    .send(body)
}

/** Which rows lack an event that was parked: asked only where events may be. */
async function incompleteAmong(
  store: ProjectionStore,
  projection: Projection,
  keys: readonly string[],
): Promise<ReadonlySet<string>> {
  if (projection.poison.policy !== 'park' || keys.length === 0) return new Set()
  return incompleteRows(store, projection, keys)
}

// What a read shows can change at any time, and may be meant for its caller alone.
const readHeaders = { 'cache-control': 'private, no-cache', 'x-content-type-options': 'nosniff' }

function nextPath(request: FastifyRequest, cursor: string): string {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost')
  searchParams.set('after', cursor)
  return `${pathname}?${searchParams.toString()}`
}

/** Compares by value, weak or strong, as RFC 9110 has it for `If-None-Match`. */
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  return ifNoneMatch?.split(',').some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, ''))) ?? false
}

/** Says in words of reads what the database reported; other errors pass. */
function asReadProblem({ name }: ServedModel): (error: unknown) => never {
  const headers = { 'retry-after': '1' }
  return (error) => {
    if (!(error instanceof DatabaseError)) throw error
    if (error.kind === 'cancelled') {
      const detail = 'the query was ended because it took too long: filter more, or sort by a column with an index'
      throw new ProblemError('query-timeout', detail, { cause: error, headers })
    }
    if (error.kind === 'schema') {
      const detail = `projection "${name}" has no table of this version yet: start a projector, or rebuild it`
      throw new ProblemError('projection-not-built', detail, { cause: error, headers })
    }
    throw error
  }
}
