import type { ClientBase, Pool, QueryArrayConfig } from 'pg'
import { ConfigurationError } from './errors.js'
import { translateDatabaseError } from './postgres-errors.js'
import { queryForTenant } from './tenant-query.js'
import { isBehindPooler } from './transaction-pooler.js'

/** Anything that runs a query: a pool, or a client in the caller's own transaction. */
export type Queryable = Pick<Pool | ClientBase, 'query'>

/** Where statements go, and how their texts are made. */
export interface Database {
  readonly queryable: Queryable
  /** The schema of the store: a plain identifier, so it is never quoted. */
  readonly schema: string
  /** Whether statements are prepared under a name; off behind a pooler that does not keep them. */
  readonly prepare: boolean
  /** Whose rows the statements see and write, in a store with tenancy. */
  readonly tenant?: string
}

/** How a schema in the database of a pool is used. */
export interface DatabaseOptions {
  /** The schema that was migrated; `tidemark` unless said. */
  readonly schema?: string
  /** False behind a transaction pooler that does not keep prepared statements; true unless said, or the pool's URL has `?pgbouncer=true`. */
  readonly preparedStatements?: boolean
}

/** @throws {ConfigurationError} the schema has a name that would need quoting. */
export function databaseOf(pool: Pool, { schema = 'tidemark', preparedStatements }: DatabaseOptions): Database {
  if (!/^[a-z_][a-z0-9_]{0,49}$/.test(schema)) {
    throw new ConfigurationError(
      `schema name ${JSON.stringify(schema)} is not usable: lower-case letters, digits and _, at most 50 characters`,
    )
  }
  return { queryable: pool, schema, prepare: preparedStatements ?? !isBehindPooler(pool) }
}

/** One statement: its name, and its text for a schema. */
export interface Statement {
  readonly name: string
  readonly text: (schema: string) => string
}

const texts = new WeakMap<Statement, Map<string, string>>()

/** The values arrive as Postgres sent them, so that no parser that a program set globally can change an event. */
const asSent = { getTypeParser: () => (value: string) => value }

/**
 * Runs a statement; rows come as arrays of text, null where the column is null.
 *
 * @throws {DatabaseError} whatever the driver or Postgres reported.
 */
export async function run<Row extends readonly (string | null)[]>(
  { queryable, schema, prepare, tenant }: Database,
  statement: Statement,
  values: readonly unknown[],
): Promise<Row[]> {
  let bySchema = texts.get(statement)
  if (!bySchema) texts.set(statement, (bySchema = new Map<string, string>()))
  let text = bySchema.get(schema)
  if (text === undefined) bySchema.set(schema, (text = statement.text(schema)))
  const query: QueryArrayConfig = { text, values: values as unknown[], rowMode: 'array', types: asSent }
  if (prepare) query.name = `${schema}/${statement.name}`
  try {
    const { rows } =
      tenant === undefined ? await queryable.query<unknown[]>(query) : await queryForTenant(queryable, tenant, query)
    return rows as unknown as Row[]
  } catch (error) {
    throw translateDatabaseError(error)
  }
}

/** The same database, with the statements going to another connection. */
export function on(database: Database, queryable: Queryable): Database {
  return { ...database, queryable }
}
