import type { Command } from 'commander'
import { listSchemas, type RegisteredSchema } from '@tidemark/eventstore'
import { withStore } from '../database/with-store.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureSchemasList: ConfigureVerb = (verb, context) => {
  verb
    .option('--category <name>', 'only events of this aggregate')
    .action(async ({ category }: { readonly category?: string }, command: Command) => {
      const schemas = await withStore(command, context, (store) =>
        listSchemas(store, category === undefined ? undefined : [category]),
      )
      context.output.list<RegisteredSchema>(
        schemas,
        [
          ['event', ({ category, type }) => `${category}.${type}`],
          ['version', ({ schemaVersion }) => schemaVersion],
          ['revision', ({ revision }) => revision],
          ['compatibility', ({ compatibility }) => compatibility],
          ['registered', ({ registeredAt }) => registeredAt],
        ],
        'no schemas are registered: `tidemark schemas check --register` registers those of the configuration',
      )
    })
}
