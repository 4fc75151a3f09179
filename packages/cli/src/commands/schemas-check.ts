import { Option, type Command } from 'commander'
import { checkSchemas, compareSchemas, type Compatibility, type SchemaCheck } from '@tidemark/eventstore'
import { withStore } from '../database/with-store.js'
import { UsageError } from '../errors.js'
import { exitCode } from '../exit-code.js'
import { checksThrough } from '../server/schema-checks.js'
import { serverOf, withServer } from '../server/through-server.js'
import type { Told } from '../server/told.js'
import { checkWithRegistry } from './schemas-check-registry.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options {
  readonly server?: string
  readonly compatibility?: Compatibility
  readonly register?: boolean
  readonly registry?: string | true
}

const modes: readonly Compatibility[] = ['backward', 'forward', 'full', 'none']

export const configureSchemasCheck: ConfigureVerb = (verb, context) => {
  withServer(verb)
    .addOption(
      new Option(
        '--compatibility <mode>',
        'what a change must keep working; of the configuration, or backward, unless said',
      ).choices(modes),
    )
    .option('--register', 'register what is new and fits')
    .addOption(
      new Option(
        '--registry [url]',
        'compare what bridges publish with a schema registry instead; that of the configuration unless said',
      ).conflicts('compatibility'),
    )
    .action(async (options: Options, command: Command) => {
      const { compatibility: asked, register, registry } = options
      if (registry !== undefined) return checkWithRegistry(command, context, { registry, register: register ?? false })
      const server = serverOf(options, context)
      if (server && register)
        throw new UsageError('schemas are registered by who has the database: leave out --register, or --server')
      const checks = server
        ? await checksThrough(server, asked)
        : await withStore(command, context, async (store, { loaded }) => {
            const { aggregates, schemas } = loaded.config
            const compatibility = asked ?? schemas?.compatibility ?? 'backward'
            const found = await compareSchemas(store, aggregates, compatibility)
            if (register && !found.some(isConflict)) await checkSchemas(store, aggregates, { compatibility })
            return found
          })
      context.output.list<SchemaCheck | Told<SchemaCheck>>(
        checks,
        [
          ['event', ({ category, type }) => `${category}.${type}`],
          ['version', ({ schemaVersion }) => schemaVersion],
          ['status', ({ status }) => status],
          ['differences', (check) => differencesOf(check)],
        ],
        'the configuration has no events',
      )
      if (!checks.some(isConflict)) return
      context.ends.code = exitCode.conflict
      const incompatible = checks.some(({ status }) => status === 'incompatible')
      if (incompatible) context.output.note('raise the version of an event that changed, and add an upcaster')
      else context.output.note('say of each dropped type what it is now: formerly, or retired')
    })
}

/** Whoever asks has the new code in hand, so that a type that is gone was lost. */
function isConflict({ status }: Pick<SchemaCheck, 'status'>): boolean {
  return status === 'incompatible' || status === 'dropped'
}

function differencesOf({ differences }: Pick<SchemaCheck, 'differences'>): string {
  return differences
    .map(({ direction, path, expected, found }) => `${direction}: ${path} expects ${expected}, may be ${found}`)
    .join('\n')
}
