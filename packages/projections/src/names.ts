import type { LogShard } from '@tidemark/eventstore'

/** `placedAt` → `placed_at`, `order-summary` → `order_summary`. */
export function snakeCase(name: string): string {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll(/([A-Z])([A-Z][a-z])/g, '$1_$2')
    .replaceAll('-', '_')
    .toLowerCase()
}

/** An identifier that Postgres takes as it is, keywords included. */
export function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`
}

/** A name within the schema of the read models: `tidemark_read."order_summary"`. */
export function inReadSchema(schema: string, name: string): string {
  return `${readSchemaOf(schema)}.${quoted(name)}`
}

/** The schema of the read models, beside that of the store. */
export function readSchemaOf(schema: string): string {
  return `${schema}_read`
}

/** The stable view of a projection, without its schema. */
export function viewNameOf(projection: string): string {
  return snakeCase(projection)
}

/** The table of one build of a projection, without its schema. */
export function tableNameOf(projection: { readonly name: string; readonly version: number }, build: number): string {
  return `${snakeCase(projection.name)}_v${projection.version}_${build}`
}

/** The checkpoint of a table, or of a handler at a version. */
export function checkpointNameOf(tableOrHandler: string): string {
  return `projection:${tableOrHandler}`
}

/** A part of a table's events, with a checkpoint of its own. */
export interface TableShard {
  readonly checkpoint: string
  /** Undefined where the table has one checkpoint for all. */
  readonly shard: LogShard | undefined
}

/** The shards of a table, as `shard_checkpoints` names them in the database. */
export function shardsOf(table: string, count: number): TableShard[] {
  const name = checkpointNameOf(table)
  if (count === 1) return [{ checkpoint: name, shard: undefined }]
  return Array.from({ length: count }, (_, index) => ({ checkpoint: `${name}/${index}`, shard: { index, count } }))
}

/** What a handler's checkpoint is named after: each version has its own. */
export function handlerIdOf({ name, version }: { readonly name: string; readonly version: number }): string {
  return `${name}-v${version}`
}
