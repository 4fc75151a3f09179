import { DatabaseError, sqlStateOf, translateDatabaseError } from '@tidemark/eventstore'
import { FanoutError } from '../errors.js'
import { NotRetriableError, StreamGapError } from './errors.js'

/**
 * What a failure means for a record: `final`, no later try can succeed; `failing`, another try may; `trouble`, the world around is at
 * fault, and it is tried until that is well; `halt`, nothing behind it may be handled either.
 */
export type FailureKind = 'final' | 'failing' | 'trouble' | 'halt'

/** Tells by type and SQLSTATE whose fault a failure is. */
export function kindOfFailure(error: unknown): FailureKind {
  if (error instanceof StreamGapError) return 'halt'
  if (error instanceof NotRetriableError) return 'final'
  if (error instanceof FanoutError) return error.retryable ? 'trouble' : 'failing'
  if (error instanceof DatabaseError) return error.kind === 'other' ? 'failing' : 'trouble'
  if (sqlStateOf(error) !== undefined) {
    const translated = translateDatabaseError(error)
    return translated instanceof DatabaseError && translated.kind !== 'other' ? 'trouble' : 'failing'
  }
  return isSocketError(error) ? 'trouble' : 'failing'
}

/** The driver reports a broken connection by a code of the system, or by its own text. */
function isSocketError(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('code' in error && typeof error.code === 'string') return /^E[A-Z]+$/.test(error.code)
  return /^Connection terminated|^Client has encountered a connection error|^timeout exceeded when trying to connect/.test(
    error.message,
  )
}
