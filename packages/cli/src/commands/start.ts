import { Option, type Command } from 'commander'
import { openProject } from '../database/with-store.js'
import { SurroundingError, UsageError } from '../errors.js'
import { serviceNames, type ServiceName } from '../runtime/service-names.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options {
  readonly only?: string
  readonly logLevel: string
}

export const configureStart: ConfigureVerb = (verb, context) => {
  verb
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
      if (only.every((name) => name === 'bridge' || name === 'consumers') && settings.brokers.length === 0) {
        const what = only.includes('bridge') ? 'a bridge' : 'a consumer'
        throw new SurroundingError(`${what} needs Kafka: set KAFKA_BROKERS to host:port, or kafka.brokers`)
      }
      // The API alone takes half of the time that a command needs to start.
      const { runServices } = await import('../runtime/run-services.js')
      await runServices({ config, settings, only, logLevel })
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
