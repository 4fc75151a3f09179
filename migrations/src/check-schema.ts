import type { ClientBase } from 'pg'
import { SchemaTooNewError, SchemaTooOldError } from './errors.js'
import { migrationVersion } from './migrate.js'
import { latestMigration } from './migration-files.js'
import { defaultSchema } from './schema-name.js'

/**
 * Checks that the database is at the migration that this code was made for; programs call it when they start.
 *
 * @throws {SchemaTooOldError} migrations are missing.
 * @throws {SchemaTooNewError} newer code migrated the database.
 */
export async function checkSchema(client: Pick<ClientBase, 'query'>, schema = defaultSchema): Promise<void> {
  const version = await migrationVersion(client, schema)
  if (version < latestMigration) throw new SchemaTooOldError(schema, version, latestMigration)
  if (version > latestMigration) throw new SchemaTooNewError(schema, version, latestMigration)
}
