import type { JsonSchema } from '@tidemark/eventstore'
import { isRecord } from './avro-node.js'

/**
 * The text of a canonical JSON Schema as draft 7, which every registry and its clients can compare.
 *
 * The same schema always gives the same text; the title is the name of the record.
 */
export function registryJsonSchema(schema: JsonSchema, title: string): string {
  const body = draft7(schema)
  return JSON.stringify({ $schema: 'http://json-schema.org/draft-07/schema#', title, ...(isRecord(body) ? body : {}) })
}

/** What differs from the newer draft that zod writes: tuples, and where definitions are kept. */
function draft7(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(draft7)
  if (!isRecord(schema)) return schema
  return Object.fromEntries(Object.entries(schema).map(([keyword, value]) => draft7Keyword(keyword, value, schema)))
}

const literal: ReadonlySet<string> = new Set(['const', 'enum', 'required'])

function draft7Keyword(keyword: string, value: unknown, schema: Readonly<Record<string, unknown>>): [string, unknown] {
  if (literal.has(keyword)) return [keyword, value]
  if (keyword === '$ref' && typeof value === 'string') return [keyword, value.replace(/^#\/\$defs\//, '#/definitions/')]
  if (keyword === 'properties' || keyword === '$defs') {
    const named = Object.entries(value as object).map(([name, each]) => [name, draft7(each)])
    return [keyword === '$defs' ? 'definitions' : keyword, Object.fromEntries(named)]
  }
  if (keyword === 'prefixItems') return ['items', draft7(value)]
  if (keyword === 'items' && 'prefixItems' in schema) return ['additionalItems', draft7(value)]
  return [keyword, draft7(value)]
}
