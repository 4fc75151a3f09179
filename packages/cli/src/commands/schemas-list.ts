import type { Command } from 'commander'
import { listSchemas, type RegisteredSchema } from '@tidemark/eventstore'
import { withStore } from '../database/with-store.js'
import { serverOf, withServer } from '../server/through-server.js'
import type { Told } from '../server/told.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureSchemasList: ConfigureVerb = (verb, context) => {
  withServer(verb)
    .option('--category <name>', 'only events of this aggregate')
    .action(async (options: { readonly category?: string; readonly server?: string }, command: Command) => {
      const { category } = options
      const server = serverOf(options, context)
      const schemas = server
        ? (await server.get<{ data: Told<RegisteredSchema>[] }>('/schemas', { category })).data
        : await withStore(command, context, (store) =>
            listSchemas(store, category === undefined ? undefined : [category]),
          )
      context.output.list<RegisteredSchema | Told<RegisteredSchema>>(
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
