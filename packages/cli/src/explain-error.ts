import { ConfigurationError, DatabaseError, EventStoreError } from '@tidemark/eventstore'
import { BridgeConfigurationError, BrokerUnavailableError, FanoutError, TopicMissingError } from '@tidemark/fanout'
import { MigrationError, SchemaTooNewError, SchemaTooOldError } from '@tidemark/migrations'
import {
  ProjectionDefinitionError,
  ProjectionError,
  RebuildRunningError,
  SchemaChangedError,
} from '@tidemark/projections'
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

/** Errors that come back however often the command is called, until somebody changes something. */
const needsChange = [
  ...[ConfigurationError, BridgeConfigurationError, BrokerUnavailableError, TopicMissingError],
  ...[SchemaTooNewError, SchemaTooOldError, ProjectionDefinitionError, SchemaChangedError],
]

/** Says what an error means to the person at the terminal. */
export function explainError(error: unknown, debug: boolean): ExplainedError {
  const stack = debug && error instanceof Error ? stackOf(error) : undefined
  return { code: codeOf(error), message: messageOf(error), exitCode: exitCodeOf(error), stack }
}

function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CliError) return error.exitCode
  if (error instanceof CommanderError) return exitCode.usage
  if (error instanceof RebuildRunningError) return exitCode.conflict
  if (error instanceof DatabaseError && error.kind === 'schema') return exitCode.usage
  return needsChange.some((kind) => error instanceof kind) ? exitCode.usage : exitCode.failed
}

function codeOf(error: unknown): string {
  if (error instanceof CommanderError) return 'CLI_USAGE'
  const ours = [CliError, EventStoreError, ProjectionError, FanoutError, MigrationError]
  for (const kind of ours) if (error instanceof kind) return error.code
  return 'CLI_UNEXPECTED'
}

function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error)
  return text
    .replace(/^error: /, '')
    .trim()
    .replaceAll(/\s*\n\s*/g, ' ')
}

function stackOf(error: Error): string {
  const parts = [error.stack ?? String(error)]
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
    parts.push(`caused by ${cause.stack ?? String(cause)}`)
  }
  return parts.join('\n')
}
