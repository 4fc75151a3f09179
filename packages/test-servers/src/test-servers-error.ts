/** The base of every error that this package throws; `code` is stable, the message is for people. */
export abstract class TestServersError extends Error {
  abstract readonly code: string
  override get name(): string {
    return this.constructor.name
  }
}

/** Thrown when a server's process did not become ready; `log` holds the last lines that it wrote. */
export class ServerStartError extends TestServersError {
  override readonly code = 'TEST_SERVERS_START_FAILED'
  constructor(
    readonly server: string,
    what: string,
    readonly log = '',
    options?: ErrorOptions,
  ) {
    super(`${server} ${what}${log ? `; its last lines were:\n${log}` : ''}`, options)
  }
}

/** Thrown when this machine has no way to run a server: the reason names what to install or which variable to set. */
export class ServerUnavailableError extends TestServersError {
  override readonly code = 'TEST_SERVERS_UNAVAILABLE'
  constructor(
    readonly server: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`${server} is not available: ${reason}`, options)
  }
}

/** Thrown when a helper program (initdb, Maven, a Kafka tool) ended with an error or took too long. */
export class CommandFailedError extends TestServersError {
  override readonly code = 'TEST_SERVERS_COMMAND_FAILED'
  constructor(
    readonly command: string,
    what: string,
    readonly output: string,
    options?: ErrorOptions,
  ) {
    super(`${command} ${what}${output ? `: ${output}` : ''}`, options)
  }
}
