import { createHash } from 'node:crypto'
import { sqlStateOf } from '@tidemark/eventstore'
import { InvalidRowError, ProjectionError } from '../errors.js'

/** What is kept of an error. */
export interface ErrorRecord {
  readonly code: string | undefined
  readonly message: string
  readonly stack: string | undefined
  /** The same for failures that are alike: of one kind, at one place in the code, for one type of event. */
  readonly fingerprint: string
}

/** What is kept of an error that an event of a type caused. */
export function recordOf(error: unknown, eventType: string): ErrorRecord {
  const cause = error instanceof ProjectionError && error.cause instanceof Error ? error.cause : error
  const thrown = cause instanceof Error ? cause : new Error(String(cause))
  const code = codeOf(cause) ?? codeOf(error)
  const message = error instanceof Error ? error.message : String(error)
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([eventType, code, thrown.name, detailOf(error, thrown)]))
    .digest('hex')
    .slice(0, 12)
  return { code, message: message.slice(0, 2000), stack: thrown.stack?.slice(0, 8000), fingerprint }
}

/** Where in the row, or where in the code; the text of an error only where that does not tell, for it names keys and values. */
function detailOf(error: unknown, thrown: Error): string {
  if (error instanceof InvalidRowError) return error.path
  const place = sqlStateOf(thrown) === undefined ? /\n\s+at .*/.exec(thrown.stack ?? '')?.[0].trim() : undefined
  return place ?? thrown.message.replaceAll(/"[^"]*"|'[^']*'|[0-9a-f-]{36}|\d+/g, '#')
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
