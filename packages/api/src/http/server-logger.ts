import type { Logger } from '@tidemark/eventstore'
import type { FastifyBaseLogger } from 'fastify'

/**
 * Makes Fastify write to a logger of the store, such as pino: messages with or without fields, and with the request's id where there is one; what Fastify
 * calls trace is dropped.
 */
export function serverLogger(logger: Logger): FastifyBaseLogger {
  return new ServerLogger(logger, {})
}

class ServerLogger implements FastifyBaseLogger {
  level = 'debug'

  constructor(
    private readonly logger: Logger,
    private readonly bindings: object,
  ) {}

  child(bindings: object): FastifyBaseLogger {
    return new ServerLogger(this.logger, { ...this.bindings, ...bindings })
  }

  fatal(fields: unknown, message?: string): void {
    this.write('error', fields, message)
  }
  error(fields: unknown, message?: string): void {
    this.write('error', fields, message)
  }
  warn(fields: unknown, message?: string): void {
    this.write('warn', fields, message)
  }
  info(fields: unknown, message?: string): void {
    this.write('info', fields, message)
  }
  debug(fields: unknown, message?: string): void {
    this.write('debug', fields, message)
  }
  trace(): void {}
  silent(): void {}

  private write(level: 'debug' | 'info' | 'warn' | 'error', fields: unknown, message = ''): void {
    if (typeof fields === 'string') this.logger[level](this.bindings, fields)
    else this.logger[level]({ ...this.bindings, ...(fields as object) }, message)
  }
}
