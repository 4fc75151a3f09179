import type { Logger } from '@tidemark/eventstore'

/** For a Kafka client, which reports every retry as a warning: what comes of it bridges and consumers say themselves. */
export function onlyDebug(logger: Logger): Logger {
  const debug = (fields: object, message: string) => logger.debug(fields, message)
  return { debug, info: debug, warn: debug, error: debug }
}
