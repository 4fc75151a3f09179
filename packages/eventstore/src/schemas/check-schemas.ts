import { on, type Database } from '../database.js'
import type { AnyAggregate } from '../define-aggregate.js'
import { ConfigurationError } from '../errors.js'
import type { EventStore } from '../event-store.js'
import { insertEventSchema } from '../sql/insert-event-schema.js'
import { lockEventSchemas } from '../sql/lock-event-schemas.js'
import { selectEventSchemas } from '../sql/select-event-schemas.js'
import { inTransaction } from '../transaction.js'
import {
  isToRegister,
  judgeSchemas,
  type Compatibility,
  type RegisteredSchema,
  type SchemaCheck,
} from './judge-schemas.js'
import { SchemaIncompatibleError } from './schema-incompatible-error.js'

export interface CheckSchemasOptions {
  /** What a change must keep working; `backward` unless said. */
  readonly compatibility?: Compatibility
  /** Whether new and changed schemas are registered when all are compatible; true unless said. Needs the rights of a writer. */
  readonly register?: boolean
}

/** What the check needs of a store. */
export type SchemaStore = Pick<EventStore, 'pool' | 'database'>

/**
 * Compares the schemas of aggregates' events with those that earlier releases registered in the database, and registers them.
 *
 * Call it when a program starts: it catches a schema that was changed without a new version, before an event is appended or read by
 * it. All or nothing; safe to call again and by many processes at once. A schema that is registered already is accepted whatever came
 * after it, so that a release can be rolled back. A type that was dropped is reported and not refused, for an older release looks the same.
 *
 * @throws {SchemaIncompatibleError} a schema changed in a way that the compatibility does not allow.
 * @throws {ConfigurationError} an aggregate stands in the list twice.
 *
 * @example
 * await checkSchemas(store, [Order], { compatibility: 'backward' })
 */
export async function checkSchemas(
  store: SchemaStore,
  aggregates: readonly AnyAggregate[],
  options: CheckSchemasOptions = {},
): Promise<readonly SchemaCheck[]> {
  const { compatibility = 'backward', register = true } = options
  const { checks, missing } = await accepted(store.database, aggregates, compatibility)
  // Almost every start: nothing changed, and nobody is locked out.
  if (!register || missing.length === 0) return checks
  return inTransaction(store.pool, async (client) => {
    const database = on(store.database, client)
    await lockEventSchemas(database)
    // Again, in a statement of its own: the one that waited for the lock did not see what its holder registered.
    const locked = await accepted(database, aggregates, compatibility)
    for (const check of locked.missing) await insertEventSchema(database, check, compatibility)
    return locked.checks
  })
}

/** The schemas that releases registered, in the order in which they did; of all categories unless some are named. */
export function listSchemas(
  { database }: Pick<SchemaStore, 'database'>,
  categories?: readonly string[],
): Promise<RegisteredSchema[]> {
  return selectEventSchemas(database, categories)
}

/**
 * Compares the schemas of aggregates' events with those that were registered, and changes and refuses nothing: for tools that show it.
 *
 * @throws {ConfigurationError} an aggregate stands in the list twice.
 */
export async function compareSchemas(
  { database }: Pick<SchemaStore, 'database'>,
  aggregates: readonly AnyAggregate[],
  compatibility: Compatibility,
): Promise<readonly SchemaCheck[]> {
  return (await compare(database, aggregates, compatibility)).checks
}

async function compare(database: Database, aggregates: readonly AnyAggregate[], compatibility: Compatibility) {
  const categories = aggregates.map(({ name }) => name)
  const twice = categories.find((name, index) => categories.indexOf(name) !== index)
  if (twice !== undefined) throw new ConfigurationError(`aggregate "${twice}" stands twice in the list to check`)
  const registered = await selectEventSchemas(database, categories)
  return { registered, checks: judgeSchemas(aggregates, registered, compatibility) }
}

async function accepted(database: Database, aggregates: readonly AnyAggregate[], compatibility: Compatibility) {
  const { registered, checks } = await compare(database, aggregates, compatibility)
  const incompatible = checks.filter(({ status }) => status === 'incompatible')
  if (incompatible.length > 0) throw new SchemaIncompatibleError(incompatible)
  return { checks, missing: checks.filter((check) => isToRegister(check, registered)) }
}
