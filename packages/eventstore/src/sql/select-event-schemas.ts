import { run, type Database, type Statement } from '../database.js'
import { canonicalSchema } from '../schemas/json-schema.js'
import type { Compatibility, RegisteredSchema } from '../schemas/judge-schemas.js'

type Row = readonly [
  category: string,
  type: string,
  schemaVersion: string,
  revision: string,
  jsonSchema: string,
  compatibility: string,
  registeredAtMs: string,
]

const statement: Statement = {
  name: 'select-event-schemas',
  text: (schema) => `
select category, type, schema_version, revision, json_schema, compatibility,
       floor(extract(epoch from registered_at) * 1000)
  from ${schema}.event_schemas
 where $1::text[] is null or category = any($1)
 order by category, registered_at, type, schema_version, revision`,
}

/** Reads what was registered, of all categories or of some, in the order of registration. */
export async function selectEventSchemas(
  database: Database,
  categories: readonly string[] | undefined,
): Promise<RegisteredSchema[]> {
  const rows = await run<Row>(database, statement, [categories ?? null])
  return rows.map(([category, type, schemaVersion, revision, jsonSchema, compatibility, registeredAtMs]) => ({
    category,
    type,
    schemaVersion: Number(schemaVersion),
    revision: Number(revision),
    schema: canonicalSchema(JSON.parse(jsonSchema)),
    compatibility: compatibility as Compatibility,
    registeredAt: new Date(Number(registeredAtMs)),
  }))
}
