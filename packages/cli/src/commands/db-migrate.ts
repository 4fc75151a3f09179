import type { Command } from 'commander'
import { makeOwnTables } from '../database/make-own-tables.js'
import { migrateAll } from '../database/migrate-all.js'
import { openProject } from '../database/with-store.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureDbMigrate: ConfigureVerb = (verb, context) => {
  verb
    .option('--tenancy', 'give every stream to a tenant, whom the database keeps apart; only while the log is empty')
    .action(async ({ tenancy = false }: { readonly tenancy?: boolean }, command: Command) => {
      const { loaded, settings } = await openProject(command, context)
      const { output } = context
      const log = (message: string) => output.note(message)
      const [migrated, readModels] = await migrateAll(settings, { log, tenancy })
      await makeOwnTables(settings, loaded.config.ownTables)
      for (const role of [...(migrated?.missingRoles ?? []), ...(readModels?.missingRoles ?? [])])
        output.note(`role ${role} does not exist and may not be created by this user`)
      output.one({ ...migrated, ...(readModels && { readModels }) })
    })
}
