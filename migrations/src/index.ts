export {
  MigrationError,
  MigrationLockedError,
  ReadModelsOnlyRefusedError,
  SchemaTooNewError,
  SchemaTooOldError,
  TenancyRefusedError,
} from './errors.js'
export { hasTenancy, rolesOf, type StoreRoles } from './grant-roles.js'
export { databaseTemplate } from './database-template.js'
export { migrate, migrationVersion, type MigrateOptions, type MigrateResult } from './migrate.js'
export { checkSchema } from './check-schema.js'
export { latestMigration, migrationsDirectory } from './migration-files.js'
export { checkSchemaName, defaultSchema, readSchemaOf } from './schema-name.js'
