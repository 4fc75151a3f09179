import { DatabaseError, type EventStore } from '@tidemark/eventstore'
import { listProjections, type AnyProjection, type ProjectionStore } from '@tidemark/projections'
import type { FastifyPluginAsync } from 'fastify'
import { ProblemError } from './errors.js'
import { useJson } from './http/json-context.js'
import { refuseOtherMethods } from './http/method-not-allowed.js'
import { answerWithProblems, type ProblemResponseOptions } from './http/problem-responses.js'
import { problemResponses } from './http/route-document.js'

/** One thing that must be so before requests are sent here; it throws when it is not, and says why. */
export type ReadinessCheck = () => Promise<unknown>

export interface HealthOptions extends ProblemResponseOptions {
  readonly store: EventStore
  /** What `readModelsIn` gave, where the projections are in another database. */
  readonly readModels?: ProjectionStore | undefined
  /** The projections that must not have failed. */
  readonly projections?: readonly AnyProjection[]
  /** More checks by name, such as whether the schema is at the migration of this code. What they throw is shown to callers, unless the database did. */
  readonly checks?: Readonly<Record<string, ReadinessCheck>>
  /** How long one check may take; 2,000 ms unless said. */
  readonly timeoutMs?: number
}

/**
 * A Fastify plugin for those who start and route: `GET /live` says that the process answers, `GET /ready` that the database is
 * there, has the tables, and no projection has failed (503 otherwise, naming what is not so).
 *
 * Liveness looks at nothing else: restarting a process does not mend its database.
 *
 * @example
 * await app.register(health, { prefix: '/health', store, projections, checks: { schema: () => checkSchema(pool) } })
 */
export const health: FastifyPluginAsync<HealthOptions> = async (app, options) => {
  const { store, readModels: projectionStore = store, projections = [], timeoutMs = 2000 } = options
  const checks: Readonly<Record<string, ReadinessCheck>> = {
    database: () => reachable(store),
    projections: () => noneFailed(projectionStore, projections),
    ...options.checks,
  }
  useJson(app)
  answerWithProblems(app, options)

  // Probes that come together share one look, so that a crowd of them is no load.
  let looking: Promise<readonly (readonly [string, string])[]> | undefined
  const look = () => {
    looking ??= Promise.all(
      Object.entries(checks).map(async ([name, check]) => [name, await outcomeOf(check, timeoutMs)] as const),
    ).finally(() => (looking = undefined))
    return looking
  }

  const document = { tags: ['health'], response: { 200: { description: 'Yes' }, ...problemResponses([503]) } }
  app.get('/live', { schema: { ...document, summary: 'Does the process answer?' } }, async () => ({ status: 'live' }))
  for (const url of ['/live', '/ready']) refuseOtherMethods(app, url, ['GET'])
  app.get('/ready', { schema: { ...document, summary: 'Can it serve requests?' } }, async () => {
    const outcomes = await look()
    const failed = outcomes.filter(([, outcome]) => outcome !== 'ok')
    if (failed.length === 0) return { status: 'ready', checks: Object.fromEntries(outcomes) }
    const detail = failed.map(([name, outcome]) => `${name}: ${outcome}`).join('; ')
    throw new ProblemError('not-ready', detail, {
      headers: { 'retry-after': '1' },
      members: { checks: Object.fromEntries(outcomes) },
    })
  })
}

async function reachable(store: EventStore): Promise<void> {
  await store.log.epoch().catch((error: unknown) => {
    // What the driver says may name hosts and roles.
    throw new Error('it does not answer, or has no schema of this store', { cause: error })
  })
}

async function noneFailed(store: ProjectionStore, projections: readonly AnyProjection[]): Promise<void> {
  const statuses = await listProjections(store, projections).catch((error: unknown) => {
    throw new Error('their checkpoints cannot be read', { cause: error })
  })
  const failed = statuses.filter(({ state }) => state === 'failed').map(({ name }) => name)
  if (failed.length > 0) throw new Error(`${failed.join(', ')} failed: see the log, or tidemark projections list`)
}

async function outcomeOf(check: ReadinessCheck, timeoutMs: number): Promise<string> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${timeoutMs} ms`), timeoutMs)
  })
  const outcome = check().then(
    () => 'ok',
    (error: unknown) => (isFromDriver(error) ? 'the database does not answer' : messageOf(error)),
  )
  return Promise.race([outcome, late]).finally(() => clearTimeout(timer))
}

/** Errors of sockets and of Postgres itself name hosts and roles, which are no caller's business. */
function isFromDriver(error: unknown): boolean {
  if (error instanceof DatabaseError) return true
  return typeof error === 'object' && error !== null && ('syscall' in error || 'severity' in error)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
