import { z } from 'zod'

/** A JSON Schema in canonical form: without annotations, everything whose order means nothing in one order. */
export type JsonSchema = boolean | JsonSchemaObject

/** A JSON Schema that says something; keywords that mean nothing to this package may be there, too. */
export interface JsonSchemaObject {
  readonly [keyword: string]: unknown
}

/** Keywords that tell people something and refuse nothing. */
const annotations: ReadonlySet<string> = new Set([
  '$comment',
  '$id',
  '$schema',
  'default',
  'deprecated',
  'description',
  'example',
  'examples',
  'id',
  'readOnly',
  'title',
  'writeOnly',
])
const namedSchemas: ReadonlySet<string> = new Set(['$defs', 'patternProperties', 'properties'])
const listedSchemas: ReadonlySet<string> = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems'])
const singleSchemas: ReadonlySet<string> = new Set([
  'additionalProperties',
  'contains',
  'else',
  'if',
  'items',
  'not',
  'propertyNames',
  'then',
])
const sets: ReadonlySet<string> = new Set(['enum', 'required', 'type'])

/**
 * The JSON Schema of what a zod schema returns, in canonical form: what is stored of an event.
 *
 * What JSON Schema cannot describe, such as the result of a bare transform, is taken for anything.
 *
 * @example
 * jsonSchemaOf(z.object({ total: z.number() }))
 * // { additionalProperties: false, properties: { total: { type: 'number' } }, required: ['total'], type: 'object' }
 */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  return canonicalSchema(z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' }))
}

/** Brings a JSON Schema to the form in which equal ones have equal texts. */
export function canonicalSchema(schema: unknown): JsonSchema {
  if (typeof schema === 'boolean') return schema
  const canonical: Record<string, unknown> = {}
  for (const [keyword, value] of sortedEntries(schema)) {
    if (annotations.has(keyword) || keyword.startsWith('x-')) continue
    const kept = canonicalKeyword(keyword, value)
    // Every name of a property is text anyway.
    if (keyword === 'propertyNames' && textOf(kept) === '{"type":"string"}') continue
    canonical[keyword] = kept
  }
  return canonical
}

/** The text that tells whether two canonical schemas, or parts of them, are the same. */
export function textOf(schema: unknown): string {
  return JSON.stringify(schema) ?? ''
}

/** Whether it is an object, of keywords or of named schemas. */
export function isObject(value: unknown): value is JsonSchemaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function canonicalKeyword(keyword: string, value: unknown): unknown {
  if (namedSchemas.has(keyword)) {
    return Object.fromEntries(sortedEntries(value).map(([name, schema]) => [name, canonicalSchema(schema)]))
  }
  if (listedSchemas.has(keyword) && Array.isArray(value)) return value.map(canonicalSchema)
  if (singleSchemas.has(keyword)) return canonicalSchema(value)
  if (sets.has(keyword) && Array.isArray(value)) {
    return value.toSorted((one: unknown, other: unknown) => (textOf(one) < textOf(other) ? -1 : 1))
  }
  return value
}

function sortedEntries(value: unknown): [string, unknown][] {
  return isObject(value) ? Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)) : []
}
