/** The base of every error of this package; `code` is stable and documented. */
export class MigrationError extends Error {
  override readonly name: string = 'MigrationError'
  readonly code: string = 'MIGRATIONS_FAILED'
}

/** Thrown when the database was migrated by newer code than this: upgrade the code, or restore the older database. */
export class SchemaTooNewError extends MigrationError {
  override readonly name = 'SchemaTooNewError'
  override readonly code = 'MIGRATIONS_SCHEMA_TOO_NEW'
  constructor(
    readonly schema: string,
    readonly databaseVersion: number,
    readonly codeVersion: number,
  ) {
    super(
      `schema "${schema}" is at migration ${databaseVersion}, this code knows ${codeVersion}: upgrade @tidemark/migrations to the release that migrated the database`,
    )
  }
}

/** Thrown when the database lacks migrations that this code needs: run `tidemark db migrate`. */
export class SchemaTooOldError extends MigrationError {
  override readonly name = 'SchemaTooOldError'
  override readonly code = 'MIGRATIONS_SCHEMA_TOO_OLD'
  constructor(
    readonly schema: string,
    readonly databaseVersion: number,
    readonly codeVersion: number,
  ) {
    super(
      `schema "${schema}" is at migration ${databaseVersion}, this code needs ${codeVersion}: run \`tidemark db migrate\``,
    )
  }
}

/** Thrown when a migration could not get its lock within all of its tries: something else holds the table for long. */
export class MigrationLockedError extends MigrationError {
  override readonly name = 'MigrationLockedError'
  override readonly code = 'MIGRATIONS_LOCKED'
  constructor(schema: string, tries: number, cause: unknown) {
    super(
      `schema "${schema}" could not be locked in ${tries} tries: look for long transactions in pg_stat_activity and run the migration again`,
      { cause },
    )
  }
}

/** Thrown when tenancy is asked for a log that has or had events: they belong to no tenant. Make a new store, and import them. */
export class TenancyRefusedError extends MigrationError {
  override readonly name = 'TenancyRefusedError'
  override readonly code = 'MIGRATIONS_TENANCY_REFUSED'
  constructor(readonly schema: string) {
    super(
      `schema "${schema}" has events already, which belong to no tenant: migrate another schema with tenancy and import them there`,
    )
  }
}

/** Thrown when a database is to have read models only, and has or had a log of its own: migrate an empty database, or another schema. */
export class ReadModelsOnlyRefusedError extends MigrationError {
  override readonly name = 'ReadModelsOnlyRefusedError'
  override readonly code = 'MIGRATIONS_READ_MODELS_ONLY_REFUSED'
  constructor(readonly schema: string) {
    super(
      `schema "${schema}" has or had a log of its own, or checkpoints on it: migrate an empty database, or another schema, for the read models`,
    )
  }
}
