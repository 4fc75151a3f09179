import { CommanderError } from 'commander'
import { CliError } from './errors.js'
import { exitCode, type ExitCode } from './exit-code.js'

/** What is said of an error, and how the command ends because of it. */
export interface ExplainedError {
  readonly code: string
  /** One line: what happened, to what, and what to do next. */
  readonly message: string
  readonly exitCode: ExitCode
  /** Only when it was asked for. */
  readonly stack: string | undefined
}

/** Errors of our packages, by their stable codes, that come back at every try until somebody changes something. */
const needsChange: ReadonlySet<string> = new Set([
  'API_CONFIGURATION',
  'API_UNAUTHENTICATED_HOST',
  'CLI_USAGE',
  'EVENTSTORE_CONFIGURATION',
  'EVENTSTORE_LOG_RESTORED',
  'EVENTSTORE_STORE_CORRUPT',
  'EVENTSTORE_TENANCY',
  'EVENTSTORE_TENANT_REQUIRED',
  'FANOUT_BROKER_UNAVAILABLE',
  'FANOUT_CONFIGURATION',
  'FANOUT_CONSUMER_CONFIGURATION',
  'FANOUT_SCHEMA_NOT_EXPRESSIBLE',
  'FANOUT_SCHEMA_NOT_REGISTERED',
  'FANOUT_SCHEMA_REGISTRY_REQUEST',
  'FANOUT_SCHEMA_REGISTRY_UNAVAILABLE',
  'FANOUT_TOPIC_COMPACTED',
  'FANOUT_TOPIC_MISSING',
  'MIGRATIONS_READ_MODELS_ONLY_REFUSED',
  'MIGRATIONS_SCHEMA_TOO_NEW',
  'MIGRATIONS_SCHEMA_TOO_OLD',
  'MIGRATIONS_TENANCY_REFUSED',
  'PROJECTIONS_DEFINITION',
  'PROJECTIONS_NO_SUCH_TABLE',
  'PROJECTIONS_READ_MODELS_REFUSED',
  'PROJECTIONS_SCHEMA_CHANGED',
  'PROJECTIONS_TABLE_MISSING',
  'PROJECTIONS_VERSION_NOT_LIVE',
])

/** Errors of our packages that say that what was asked for does not go together with what is there. */
const conflicts: ReadonlySet<string> = new Set([
  'EVENTSTORE_SCHEMA_INCOMPATIBLE',
  'FANOUT_GROUP_ACTIVE',
  'FANOUT_SCHEMA_REFUSED',
  'PROJECTIONS_FED',
  'PROJECTIONS_FOLLOWED',
  'PROJECTIONS_NOT_COMPARABLE',
  'PROJECTIONS_PROMOTE_BLOCKED',
  'PROJECTIONS_REBUILD_RUNNING',
  'PROJECTIONS_TABLE_BEHIND',
])

/** Says what an error means to the person at the terminal. */
export function explainError(error: unknown, debug: boolean): ExplainedError {
  const code = codeOf(error)
  const stack = debug && error instanceof Error ? stackOf(error) : undefined
  return { code, message: messageOf(error), exitCode: exitCodeOf(error, code), stack }
}

function codeOf(error: unknown): string {
  if (error instanceof CommanderError) return 'CLI_USAGE'
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return /^(API|CLI|EVENTSTORE|FANOUT|MIGRATIONS|PROJECTIONS)_/.test(code) ? code : 'CLI_UNEXPECTED'
}

function exitCodeOf(error: unknown, code: string): ExitCode {
  if (error instanceof CliError) return error.exitCode
  if (conflicts.has(code)) return exitCode.conflict
  return needsChange.has(code) ? exitCode.usage : exitCode.failed
}

function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error)
  return (
    text
      .replace(/^error: /, '')
      .trim()
      .replaceAll(/\s*\n\s*/g, ' ')
      // What was meant for an option that is not there may be a secret.
      .replace(/^(unknown option '--[^=']+)=[^]*?'( \(|$)/, "$1'$2")
  )
}

function stackOf(error: Error): string {
  const parts = [error.stack ?? String(error)]
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
    parts.push(`caused by ${cause.stack ?? String(cause)}`)
  }
  return parts.join('\n')
}
