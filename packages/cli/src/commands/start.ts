import { Option, type Command } from 'commander'
import { pino } from 'pino'
import type { AddCommand } from '../context.js'
import { openProject } from '../database/with-store.js'
import { SurroundingError, UsageError } from '../errors.js'
import { serviceNames, startServices, type ServiceName } from '../runtime/start-services.js'
import { listenForStop } from '../runtime/stop-signal.js'

interface Options {
  readonly only?: string
  readonly logLevel: string
}

export const addStart: AddCommand = (parent, context) => {
  parent
    .command('start')
    .description('run the API, the projections and the bridges until it is told to stop')
    .option('--only <services>', `a part of them: ${serviceNames.join(', ')}`)
    .option('--port <port>', 'where the API listens')
    .option('--host <host>', 'the address that the API listens on')
    .addOption(
      new Option('--log-level <level>', 'what is logged to stderr')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .action(async ({ only: list, logLevel }: Options, command: Command) => {
      const only = servicesOf(list)
      const { loaded, settings } = await openProject(command, context)
      const { config } = loaded
      if (only.length === 1 && only[0] === 'bridge' && settings.brokers.length === 0) {
        throw new SurroundingError('a bridge needs Kafka: set KAFKA_BROKERS to host:port, or kafka.brokers')
      }
      const logger = pino({ level: logLevel }, pino.destination({ dest: 2, sync: true }))
      const told = listenForStop((text) => logger.info(text))
      const services = await startServices(config, settings, { only, logger })
      const { url, bridges } = services
      logger.info({ services: only, url, bridges }, 'running')
      if (only.includes('bridge') && (config.bridges ?? []).length > bridges.length) {
        logger.warn('no bridge runs: KAFKA_BROKERS is not set')
      }
      await told
      await services.stop()
      logger.info('stopped')
    })
}

function servicesOf(list: string | undefined): readonly ServiceName[] {
  if (list === undefined) return serviceNames
  return list.split(',').map((text) => {
    const found = serviceNames.find((name) => name === text.trim())
    if (found === undefined) {
      throw new UsageError(`--only knows no service "${text.trim()}": there are ${serviceNames.join(', ')}`)
    }
    return found
  })
}
