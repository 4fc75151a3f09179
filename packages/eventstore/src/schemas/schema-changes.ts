import { describeSchema } from './describe-schema.js'
import { isObject, textOf, type JsonSchema, type JsonSchemaObject } from './json-schema.js'
import { isRequired, propertiesOf } from './schema-parts.js'

/** One place where two schemas differ, whether that matters or not. */
export interface SchemaChange {
  /** The JSON path of the data. */
  readonly path: string
  /** What was there; undefined for a property that is new. */
  readonly before: string | undefined
  /** What is there; undefined for a property that is gone. */
  readonly after: string | undefined
}

/**
 * Lists where two canonical schemas differ, for people to read.
 *
 * @example
 * schemaChanges(jsonSchemaOf(z.object({ a: z.string() })), jsonSchemaOf(z.object({ a: z.string().optional() })))
 * // [{ path: '$.a', before: 'string', after: 'string, optional' }]
 */
export function schemaChanges(before: JsonSchema, after: JsonSchema, path = '$'): SchemaChange[] {
  if (textOf(before) === textOf(after)) return []
  if (!isObject(before) || !isObject(after)) return [changed(path, before, after)]
  const { properties: _before, required: _required, items: itemsBefore, ...rest } = before
  const { properties: _after, required: _requiredToo, items: itemsAfter, ...restAfter } = after
  const changes: SchemaChange[] = []
  if (textOf(rest) !== textOf(restAfter)) changes.push(changed(path, rest, restAfter))
  if (textOf(itemsBefore) !== textOf(itemsAfter)) {
    changes.push(...schemaChanges(anything(itemsBefore), anything(itemsAfter), `${path}[]`))
  }
  return [...changes, ...propertyChanges(before, after, path)]
}

function propertyChanges(before: JsonSchemaObject, after: JsonSchemaObject, path: string): SchemaChange[] {
  const [old, now] = [propertiesOf(before), propertiesOf(after)]
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((name) => {
    const [was, is] = [old.get(name), now.get(name)]
    const at = `${path}.${name}`
    const isSameButOptional =
      was !== undefined && is !== undefined && isRequired(before, name) === isRequired(after, name)
    if (isSameButOptional) return schemaChanges(was, is, at)
    return [{ path: at, before: described(before, name, was), after: described(after, name, is) }]
  })
}

function described(owner: JsonSchemaObject, name: string, schema: JsonSchema | undefined): string | undefined {
  if (schema === undefined) return undefined
  return isRequired(owner, name) ? whole(schema) : `${whole(schema)}, optional`
}

function changed(path: string, before: JsonSchema, after: JsonSchema): SchemaChange {
  return { path, before: whole(before), after: whole(after) }
}

/** Everything that a schema of one value says: `integer, minimum 1`; objects and lists in one word. */
function whole(schema: JsonSchema): string {
  if (!isObject(schema)) return describeSchema(schema)
  const inWord = new Set(['type', 'const', 'enum', 'format', 'properties', 'required', 'items', '$defs'])
  const more = Object.entries(schema).filter(
    ([keyword, value]) => !inWord.has(keyword) && (keyword !== 'additionalProperties' || value !== false),
  )
  if (more.some(([keyword]) => keyword === 'anyOf' || keyword === 'oneOf')) return describeSchema(schema)
  const details = more.map(([keyword, value]) => `${keyword} ${typeof value === 'string' ? value : textOf(value)}`)
  return [describeSchema(schema), ...details].join(', ')
}

function anything(schema: unknown): JsonSchema {
  return schema === undefined ? true : (schema as JsonSchema)
}
