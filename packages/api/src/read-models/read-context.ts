import { DatabaseError, type Database } from '@tidemark/eventstore'
import { incompleteRows, type Projection, type ProjectionStore } from '@tidemark/projections'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ProblemError } from '../errors.js'
import type { Cursors } from './cursor.js'
import type { LiveRows } from './live/live-rows.js'
import type { ReadYourWrites } from './read-your-writes.js'
import type { RowPast } from './row-past.js'
import type { ServedModel } from './served-model.js'

/** A projection that is served, and how. */
export interface Served {
  readonly projection: Projection
  readonly model: ServedModel
}

/** What answers of read models are made with. */
export interface ReadContext {
  readonly store: ProjectionStore
  /** Read-only, with a time limit for each statement. */
  readonly database: Database
  /** The same for statements of which there are few. */
  readonly preparing: Database
  readonly cursors: Cursors
  readonly consistency: ReadYourWrites
  readonly past: RowPast
  /** Whether {@link database} has the log, and its role may read it. */
  seesLog(): Promise<boolean>
  readonly live: LiveRows
  /** Who sent a request, where callers are told apart. */
  callerOf(request: FastifyRequest): string | undefined
}

// What a read shows can change at any time, and may be meant for its caller alone.
const readHeaders = { 'cache-control': 'private, no-cache', 'x-content-type-options': 'nosniff' }

/** Sets what all answers of reads say; the same path may answer with a stream. */
export function setReadHeaders(reply: FastifyReply): void {
  const vary = reply.getHeader('vary')
  void reply.headers({ ...readHeaders, vary: vary === undefined ? 'Accept' : `${String(vary)}, Accept` })
}

/** Which rows lack an event that was parked: asked only where events may be. */
export async function incompleteAmong(
  store: ProjectionStore,
  projection: Projection,
  keys: readonly string[],
): Promise<ReadonlySet<string>> {
  if (projection.poison.policy !== 'park' || keys.length === 0) return new Set()
  return incompleteRows(store, projection, keys)
}

/** Says in words of reads what the database reported; other errors pass. */
export function asReadProblem({ name }: ServedModel): (error: unknown) => never {
  const headers = { 'retry-after': '1' }
  return (error) => {
    if (!(error instanceof DatabaseError)) throw error
    if (error.kind === 'cancelled') {
      const detail = 'the query was ended because it took too long: filter more, or sort by a column with an index'
      throw new ProblemError('query-timeout', detail, { cause: error, headers })
    }
    if (error.kind === 'schema') throw notBuilt(name, error)
    throw error
  }
}

/** The problem of a projection whose table is not there, or is another version's. */
export function notBuilt(name: string, cause?: unknown): ProblemError {
  const detail = `projection "${name}" has no table of this version yet: start a projector, or rebuild it`
  return new ProblemError('projection-not-built', detail, { cause, headers: { 'retry-after': '1' } })
}
