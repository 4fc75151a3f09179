import {
  CheckpointLostError,
  DatabaseError,
  EventStoreError,
  sqlStateOf,
  translateDatabaseError,
  UnknownEventError,
} from '@tidemark/eventstore'
import { ProjectionError } from '../errors.js'

/**
 * Whether an error comes from an event, and not from the world around: the same event would meet it again.
 *
 * What only Postgres, the network or another process can mend is not the event's fault, nor is an event that newer code knows.
 */
export function isPoison(error: unknown): boolean {
  if (error instanceof ProjectionError) return !error.retryable
  if (error instanceof CheckpointLostError || error instanceof UnknownEventError) return false
  if (error instanceof EventStoreError && !(error instanceof DatabaseError)) return !error.retryable
  const sqlState = sqlStateOf(error)
  if (sqlState === undefined) return !(error instanceof DatabaseError) && !isSocketError(error)
  const translated = translateDatabaseError(error)
  return translated instanceof DatabaseError && translated.kind === 'other'
}

/** The driver reports a broken connection without an SQLSTATE; such an error has a code of the system, or the driver's text. */
function isSocketError(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('code' in error && typeof error.code === 'string') return /^E[A-Z]+$/.test(error.code)
  return /^Connection terminated|^Client has encountered a connection error|^timeout exceeded when trying to connect/.test(
    error.message,
  )
}
