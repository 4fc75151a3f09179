import { Option, type Command } from 'commander'
import { checkSchemas, compareSchemas, type Compatibility, type SchemaCheck } from '@tidemark/eventstore'
import { withStore } from '../database/with-store.js'
import { exitCode } from '../exit-code.js'
import { checkWithRegistry } from './schemas-check-registry.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options {
  readonly compatibility?: Compatibility
  readonly register?: boolean
  readonly registry?: string | true
}

const modes: readonly Compatibility[] = ['backward', 'forward', 'full', 'none']

export const configureSchemasCheck: ConfigureVerb = (verb, context) => {
  verb
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
    .action(async ({ compatibility: asked, register, registry }: Options, command: Command) => {
      if (registry !== undefined) return checkWithRegistry(command, context, { registry, register: register ?? false })
      const checks = await withStore(command, context, async (store, { loaded }) => {
        const { aggregates, schemas } = loaded.config
        const compatibility = asked ?? schemas?.compatibility ?? 'backward'
        const found = await compareSchemas(store, aggregates, compatibility)
        if (register && !found.some(isConflict)) await checkSchemas(store, aggregates, { compatibility })
        return found
      })
      context.output.list<SchemaCheck>(
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
function isConflict({ status }: SchemaCheck): boolean {
  return status === 'incompatible' || status === 'dropped'
}

function differencesOf({ differences }: SchemaCheck): string {
  return differences
    .map(({ direction, path, expected, found }) => `${direction}: ${path} expects ${expected}, may be ${found}`)
    .join('\n')
}
