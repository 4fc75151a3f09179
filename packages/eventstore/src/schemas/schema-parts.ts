import { isObject, textOf, type JsonSchema, type JsonSchemaObject } from './json-schema.js'

/** Whether it says nothing, alone or as one of its alternatives. */
export function acceptsAll(schema: JsonSchema): boolean {
  if (!isObject(schema)) return schema
  return Object.keys(schema).length === 0 || (alternativesOf(schema)?.some(acceptsAll) ?? false)
}

export function acceptsNone(schema: JsonSchema): boolean {
  return schema === false || (isObject(schema) && 'not' in schema && acceptsAll(schema['not'] as JsonSchema))
}

/** The schemas of which any may match; undefined where there is one only, or more is said than that. */
export function alternativesOf(schema: JsonSchemaObject): readonly JsonSchema[] | undefined {
  const keywords = Object.keys(schema).filter((keyword) => keyword !== '$defs')
  for (const keyword of ['anyOf', 'oneOf']) {
    const listed = schema[keyword]
    // zod takes the first that matches, so that "one of" is no more than "any of" to it.
    if (Array.isArray(listed) && keywords.length === 1) return listed as JsonSchema[]
  }
  if (Array.isArray(schema['enum'])) return schema['enum'].map((value: unknown) => ({ const: value }))
  const { type, ...rest } = schema
  if (Array.isArray(type)) return type.map((each: unknown) => ({ ...rest, type: each }))
  return undefined
}

export function resolve(schema: JsonSchema, root: JsonSchema): JsonSchema {
  if (!isObject(schema) || typeof schema['$ref'] !== 'string') return schema
  const [start, ...steps] = schema['$ref'].split('/')
  let target: unknown = start === '#' ? root : undefined
  for (const step of steps) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~')
    target = isObject(target) && Object.hasOwn(target, name) ? target[name] : undefined
  }
  // A reference that leads nowhere is no schema that anything is known of.
  return isObject(target) || typeof target === 'boolean' ? target : { unresolved: schema['$ref'] }
}

export function itemsOf(schema: JsonSchemaObject): {
  readonly first: readonly JsonSchema[]
  readonly rest: JsonSchema
} {
  const { prefixItems, items = true } = schema
  return { first: Array.isArray(prefixItems) ? (prefixItems as JsonSchema[]) : [], rest: items as JsonSchema }
}

export function propertiesOf({ properties }: JsonSchemaObject): ReadonlyMap<string, JsonSchema> {
  return new Map(isObject(properties) ? (Object.entries(properties) as [string, JsonSchema][]) : [])
}

/** What properties may be that are not declared. */
export function othersOf({ additionalProperties = true }: JsonSchemaObject): JsonSchema {
  return additionalProperties as JsonSchema
}

export function requiredOf({ required }: JsonSchemaObject): readonly string[] {
  return Array.isArray(required) ? (required as string[]) : []
}

export function isRequired(schema: JsonSchemaObject, name: string): boolean {
  return requiredOf(schema).includes(name)
}

/** Whether a schema is the counterpart of another: of the same type, and with the same tags where both have some. */
export function isMeant(reader: JsonSchema, writer: JsonSchemaObject): boolean {
  if (!isObject(reader) || reader['type'] !== writer['type']) return false
  const written = propertiesOf(writer)
  for (const [name, schema] of propertiesOf(reader)) {
    const other = written.get(name)
    if (!isObject(schema) || !isObject(other) || !('const' in schema) || !('const' in other)) continue
    if (textOf(schema['const']) !== textOf(other['const'])) return false
  }
  return true
}

/** Whether a schema with a reference says nothing beside it, so that the reference can be followed. */
export function isReference(schema: JsonSchemaObject): boolean {
  return !('$ref' in schema) || Object.keys(schema).every((keyword) => keyword === '$ref' || keyword === '$defs')
}
