import { pino } from 'pino'
import type { Settings } from '../config/resolve-settings.js'
import type { TidemarkConfig } from '../define-config.js'
import type { ServiceName } from './service-names.js'
import { startServices } from './start-services.js'
import { listenForStop } from './stop-signal.js'

export interface RunOptions {
  readonly config: TidemarkConfig
  readonly settings: Settings
  readonly only: readonly ServiceName[]
  readonly logLevel: string
}

/** Runs services until the process is told to stop; logs JSON lines to stderr. */
export async function runServices({ config, settings, only, logLevel }: RunOptions): Promise<void> {
  // Written at once, so that the last lines of a process that is killed are there.
  const logger = pino({ level: logLevel }, pino.destination({ dest: 2, sync: true }))
  const told = listenForStop((text) => logger.info(text))
  const services = await startServices(config, settings, { only, logger, schemas: config.schemas })
  const { url, bridges, consumers } = services
  logger.info({ services: only, url, bridges, consumers }, 'running')
  if (only.includes('bridge') && (config.bridges ?? []).length > bridges.length) {
    logger.warn('no bridge runs: KAFKA_BROKERS is not set')
  }
  if (only.includes('consumers') && (config.consumers ?? []).length > consumers.length) {
    logger.warn('no consumer runs: KAFKA_BROKERS is not set')
  }
  await told
  await services.stop()
  logger.info('stopped')
}
