import type { Logger } from '@tidemark/eventstore'
import type { FastifyBaseLogger } from 'fastify'

/** Makes Fastify write to a logger of the store: messages with or without fields; what Fastify calls trace is dropped. */
export function serverLogger(logger: Logger): FastifyBaseLogger {
  const at = (level: 'debug' | 'info' | 'warn' | 'error') => (fields: unknown, message?: string) =>
    typeof fields === 'string' ? logger[level]({}, fields) : logger[level](fields as object, message ?? '')
  const drop = () => undefined
  const server: FastifyBaseLogger = {
    level: 'debug',
    fatal: at('error'),
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    trace: drop,
    silent: drop,
    child: () => server,
  }
  return server
}
