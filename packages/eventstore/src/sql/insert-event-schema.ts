import { run, type Database, type Statement } from '../database.js'
import type { Compatibility, SchemaCheck } from '../schemas/judge-schemas.js'

const statement: Statement = {
  name: 'insert-event-schema',
  text: (schema) => `
insert into ${schema}.event_schemas (category, type, schema_version, revision, json_schema, compatibility)
select $1, $2, $3::integer, coalesce(max(revision), 0) + 1, $4::json, $5
  from ${schema}.event_schemas
 where category = $1 and type = $2 and schema_version = $3::integer`,
}

/** Registers the schema of an event as the next revision of its version; under the lock of {@link lockEventSchemas}. */
export async function insertEventSchema(
  database: Database,
  { category, type, schemaVersion, schema }: SchemaCheck,
  compatibility: Compatibility,
): Promise<void> {
  await run(database, statement, [category, type, schemaVersion, JSON.stringify(schema), compatibility])
}
