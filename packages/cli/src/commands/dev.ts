import type { Command } from 'commander'
import { join } from 'node:path'
import { confirm } from '../confirm.js'
import type { GlobalOptions } from '../context.js'
import { openProject } from '../database/with-store.js'
import { SurroundingError, UsageError } from '../errors.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options extends GlobalOptions {
  readonly seed: boolean
  readonly kafka?: boolean
  readonly reset?: boolean
}

export const configureDev: ConfigureVerb = (verb, { environment, cwd, output, ends }) => {
  verb
    .option('--port <port>', 'where the API listens')
    .option('--host <host>', 'the address that the API listens on')
    .option('--no-seed', 'do not add demo data to an empty store')
    .option('--kafka', 'insist on bridges and consumers: fail without a Kafka')
    .option('--reset', 'delete the data of earlier runs first')
    .action(async (_options: unknown, command: Command) => {
      const { loaded, settings } = await openProject(command, { environment, cwd, output, ends })
      const { seed, kafka, reset = false, yes = false, debug = false } = command.optsWithGlobals<Options>()
      // What a running `tidemark dev` says is for other commands: this one would take its own word for a server.
      const external = settings.database?.from === 'tidemark dev' ? undefined : settings.database
      if (kafka && settings.brokers.length === 0) {
        throw new SurroundingError('--kafka needs a Kafka: set KAFKA_BROKERS to host:port of a broker')
      }
      if (reset && external) {
        throw new UsageError(`--reset deletes only what \`tidemark dev\` keeps itself, not what ${external.from} names`)
      }
      if (reset) await confirm(`delete all data in ${join(loaded.folder, '.tidemark')}?`, { yes })
      // The API alone takes half of the time that a command needs to start.
      const { runDev } = await import('../runtime/run-dev.js')
      await runDev({ loaded, settings: { ...settings, database: external }, output, seed, reset, debug })
    })
}
