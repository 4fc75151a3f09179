import type { Command } from 'commander'
import { migrate } from '@tidemark/migrations'
import type { AddCommand } from '../context.js'
import { connect } from '../database/open-database.js'
import { openProject } from '../database/with-store.js'

export const addDbMigrate: AddCommand = (parent, context) => {
  parent
    .command('migrate')
    .description('bring the schema to the newest migration; safe to run again, and by several at once')
    .option('--tenancy', 'give every stream to a tenant, whom the database keeps apart; only while the log is empty')
    .action(async ({ tenancy = false }: { readonly tenancy?: boolean }, command: Command) => {
      const { settings } = await openProject(command, context)
      const { output } = context
      const client = await connect(settings)
      try {
        const log = (message: string) => output.note(message)
        const { schema } = settings
        const { applied, version, missingRoles, ...is } = await migrate(client, { schema, log, tenancy })
        for (const role of missingRoles) output.note(`role ${role} does not exist and may not be created by this user`)
        output.one({ schema, version, applied: applied.map(({ name }) => name), missingRoles, tenancy: is.tenancy })
      } finally {
        await client.end()
      }
    })
}
