import {
  CommandRejectedError,
  DatabaseError,
  EventIdConflictError,
  EventStoreError,
  EventTooLargeError,
  InvalidCommandError,
  InvalidEventError,
  OutcomeUnknownError,
  OverloadedError,
  StoreClosedError,
  SubjectForgottenError,
  UnknownCommandError,
  VersionConflictError,
  jsonPointer,
} from '@tidemark/eventstore'
import { ProblemError, type RequestFault } from '../errors.js'
import { adviseName, quoted } from './nearest-name.js'

const soon = { 'retry-after': '1' }

/**
 * Says in HTTP what an error means to the caller; what is nobody's business but the operator's becomes `internal`, and stays
 * the cause.
 */
export function problemOfError(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error
  if (error instanceof EventStoreError) return problemOfStoreError(error)
  return problemOfFrameworkError(error)
}

function problemOfStoreError(error: EventStoreError): ProblemError {
  const because = { cause: error }
  if (error instanceof VersionConflictError) {
    return new ProblemError('conflict', error.message, {
      ...because,
      members: { version: String(error.actualVersion) },
    })
  }
  if (error instanceof CommandRejectedError) {
    return new ProblemError('command-rejected', error.reason, { ...because, members: { code: error.rejection } })
  }
  if (error instanceof InvalidCommandError) {
    const detail = `the input of ${error.command} is not valid, nothing was written: see errors`
    return new ProblemError('invalid-input', detail, { ...because, errors: faultsOf(error) })
  }
  if (
    error instanceof InvalidEventError ||
    error instanceof EventTooLargeError ||
    error instanceof SubjectForgottenError
  ) {
    return new ProblemError('event-refused', `${error.message}; nothing was written`, because)
  }
  if (error instanceof UnknownCommandError) {
    const detail = `aggregate "${error.aggregate}" has no command ${quoted(error.command)}: ${adviseName(error.command, error.known)}`
    return new ProblemError('unknown-command', detail, because)
  }
  if (error instanceof EventIdConflictError) {
    const detail = 'the Idempotency-Key was used for another command: make a new key for each new command'
    return new ProblemError('idempotency-key-reused', detail, because)
  }
  if (error instanceof OverloadedError) {
    return new ProblemError('overloaded', 'too many commands are waiting: try again later', {
      ...because,
      headers: soon,
    })
  }
  if (error instanceof OutcomeUnknownError) {
    const detail =
      'the database did not say whether the events were stored: send the command again with the same Idempotency-Key; without one, look at the aggregate first'
    return new ProblemError('outcome-unknown', detail, { ...because, headers: soon })
  }
  if (error instanceof StoreClosedError) {
    return new ProblemError('closing', 'the server is closing: try again', { ...because, headers: soon })
  }
  if (error instanceof DatabaseError && error.retryable) {
    const detail = 'the database does not answer at the moment: try again'
    return new ProblemError('unavailable', detail, { ...because, headers: soon })
  }
  return internal(error)
}

/** The faults of a command's input, with JSON pointers where the error of zod is at hand. */
function faultsOf({ issues, cause }: InvalidCommandError): RequestFault[] {
  const paths = issuesOf(cause).map(({ path }) => path)
  return issues.slice(0, 50).map(({ path, message }, index) => ({
    pointer: jsonPointer(paths[index] ?? [path]),
    detail: message,
  }))
}

function issuesOf(cause: unknown): readonly { readonly path: readonly PropertyKey[] }[] {
  const hasIssues = typeof cause === 'object' && cause !== null && 'issues' in cause && Array.isArray(cause.issues)
  return hasIssues ? (cause.issues as { path: PropertyKey[] }[]) : []
}

function problemOfFrameworkError(error: unknown): ProblemError {
  const { code, statusCode, message } = partsOfError(error)
  const because = { cause: error }
  switch (code) {
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return new ProblemError('malformed-json', 'the body is not well-formed JSON; nothing was written', because)
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new ProblemError('body-too-large', 'the body is larger than this server accepts', because)
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new ProblemError('unsupported-media-type', 'send the body as application/json', {
        ...because,
        headers: { accept: 'application/json' },
      })
    case 'FST_ERR_BAD_URL':
      return new ProblemError('bad-request', 'the path is not well-formed: check its percent signs', because)
    default:
      if (statusCode === undefined || statusCode < 400 || statusCode > 499) return internal(error)
      return new ProblemError(error instanceof SyntaxError ? 'malformed-json' : 'bad-request', message, because)
  }
}

function partsOfError(error: unknown): { code: unknown; statusCode: number | undefined; message: string } {
  if (!(error instanceof Error)) return { code: undefined, statusCode: undefined, message: '' }
  const code = 'code' in error ? error.code : undefined
  const statusCode = 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : undefined
  return { code, statusCode, message: error.message }
}

function internal(cause: unknown): ProblemError {
  return new ProblemError('internal', 'the server failed at this request: its log says why, under the trace id', {
    cause,
  })
}
