import { exitCode, type ExitCode } from './exit-code.js'

/** The base of every error of this package: `code` is stable, `exitCode` is how the command ends. */
export class CliError extends Error {
  readonly code: string = 'CLI_FAILED'
  readonly exitCode: ExitCode = exitCode.failed
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
  }
}

/** Thrown when the command was called in a way that it does not know. */
export class UsageError extends CliError {
  override readonly code = 'CLI_USAGE'
  override readonly exitCode = exitCode.usage
}

/** Thrown when there is no configuration file, or it cannot be used. */
export class ConfigError extends CliError {
  override readonly code = 'CLI_CONFIG'
  override readonly exitCode = exitCode.usage
}

/** Thrown when something that a command needs does not answer or does not fit: the database, a port, a broker. */
export class SurroundingError extends CliError {
  override readonly code = 'CLI_SURROUNDING'
  override readonly exitCode = exitCode.usage
}

/** Thrown when a name is not in the configuration; the message names the nearest that is. */
export class UnknownNameError extends CliError {
  override readonly code = 'CLI_UNKNOWN_NAME'
  override readonly exitCode = exitCode.usage
}

/** Thrown for what a server failed at; its `code` is of that error, and ends the command as the error itself would. */
export class ServerError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message)
    this.name = new.target.name
  }
}

/** Thrown when somebody else does the same already. */
export class ConflictError extends CliError {
  override readonly code = 'CLI_CONFLICT'
  override readonly exitCode = exitCode.conflict
}

/** Thrown when a command would ask before it goes on, and there is no terminal. */
export class ConfirmationNeededError extends CliError {
  override readonly code = 'CLI_CONFIRMATION_NEEDED'
  override readonly exitCode = exitCode.confirmation
}

/** Thrown when somebody pressed Ctrl-C; the message says how to go on. */
export class InterruptedError extends CliError {
  override readonly code = 'CLI_INTERRUPTED'
  override readonly exitCode = exitCode.interrupted
}
