import { MigrationError } from './errors.js'

/** The schema that holds the log when none is named. */
export const defaultSchema = 'tidemark'

/**
 * Checks a schema name and returns it.
 *
 * A name is a plain lower-case identifier of at most 50 characters, so that it never needs quoting and the names that are
 * derived from it (roles, the schema of the read models, channels) fit Postgres's 63 bytes.
 *
 * @throws {MigrationError} the name has other characters.
 */
export function checkSchemaName(schema: string): string {
  if (!/^[a-z_][a-z0-9_]{0,49}$/.test(schema)) {
    throw new MigrationError(
      `schema name "${schema}" is not usable: take lower-case letters, digits and _, at most 50 characters`,
    )
  }
  return schema
}

/** The schema of the read models that belongs to a store's schema: `tidemark` → `tidemark_read`. */
export function readSchemaOf(schema: string): string {
  return `${checkSchemaName(schema)}_read`
}
