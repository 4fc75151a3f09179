import type { Command } from 'commander'
import { listSchemas, type RegisteredSchema } from '@tidemark/eventstore'
import type { AddCommand } from '../context.js'
import { withStore } from '../database/with-store.js'

export const addSchemasList: AddCommand = (parent, context) => {
  parent
    .command('list')
    .description('the schemas of events that releases registered, in the order in which they did')
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
