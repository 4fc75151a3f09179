import { textOf, type JsonSchemaObject } from './json-schema.js'
import {
  admits,
  describeBound,
  isWithin,
  numberBounds,
  stringBounds,
  arrayBounds,
  type BoundKeywords,
} from './schema-bounds.js'

/** A place where data of one schema does not fit another. */
export interface Mismatch {
  /** The JSON path: `$.items[].price`; `[]` is every item, `.*` every other property. */
  readonly path: string
  /** What the reading schema lets through. */
  readonly expected: string
  /** What data of the writing schema may be. */
  readonly found: string
}

const equalKeywords = ['pattern', 'format', 'contentEncoding', 'contentMediaType']

/** The keywords that the comparison knows the meaning of. */
export const understood: ReadonlySet<string> = new Set([
  ...['$defs', 'type', 'const', 'enum', 'multipleOf', ...equalKeywords],
  ...['items', 'prefixItems', 'properties', 'required', 'additionalProperties', 'propertyNames'],
  ...[...numberBounds, ...stringBounds, ...arrayBounds].flatMap(({ inclusive, exclusive = inclusive }) => [
    inclusive,
    exclusive,
  ]),
])

export function admitsValue(schema: JsonSchemaObject, value: unknown): boolean {
  if ('const' in schema) return textOf(schema['const']) === textOf(value)
  if (Array.isArray(schema['enum'])) return schema['enum'].some((each) => textOf(each) === textOf(value))
  if (Object.keys(schema).some((keyword) => !understood.has(keyword))) return false
  const { type, pattern, format, multipleOf } = schema
  if (typeof value === 'string') {
    const bounded = stringBounds.every((keywords) => admits(schema, value.length, keywords))
    // What a format without a pattern refuses is not known here.
    if (typeof pattern === 'string') return type === 'string' && bounded && new RegExp(pattern, 'u').test(value)
    return type === 'string' && bounded && format === undefined
  }
  if (typeof value === 'number') {
    const bounded = numberBounds.every((keywords) => admits(schema, value, keywords))
    const divides = typeof multipleOf !== 'number' || Number.isInteger(value / multipleOf)
    return (type === 'number' || (type === 'integer' && Number.isInteger(value))) && bounded && divides
  }
  return value === null ? type === 'null' : typeof value === type && typeof value === 'boolean'
}

export function compareBounds(
  reader: JsonSchemaObject,
  writer: JsonSchemaObject,
  bounds: readonly BoundKeywords[],
  path: string,
): Mismatch[] {
  return bounds
    .filter((keywords) => !isWithin(reader, writer, keywords))
    .map((keywords) => ({
      path,
      expected: describeBound(reader, keywords),
      found: describeBound(writer, keywords),
    }))
}

export function compareEqual(reader: JsonSchemaObject, writer: JsonSchemaObject, path: string): Mismatch[] {
  const describe = (keyword: string, value: unknown) =>
    typeof value === 'string' ? `${keyword} ${value}` : `no ${keyword}`
  return equalKeywords
    .filter((keyword) => reader[keyword] !== undefined && reader[keyword] !== writer[keyword])
    .map((keyword) => ({
      path,
      expected: describe(keyword, reader[keyword]),
      found: describe(keyword, writer[keyword]),
    }))
}

export function compareNumbers(reader: JsonSchemaObject, writer: JsonSchemaObject, path: string): Mismatch[] {
  const found = compareBounds(reader, writer, numberBounds, path)
  const wanted = reader['multipleOf']
  if (typeof wanted !== 'number') return found
  const given = writer['multipleOf'] ?? (writer['type'] === 'integer' ? 1 : undefined)
  if (typeof given === 'number' && (given === wanted || (Number.isInteger(wanted) && given % wanted === 0)))
    return found
  const describe = (value: unknown) => (typeof value === 'number' ? `a multiple of ${value}` : 'any number')
  return [...found, { path, expected: describe(wanted), found: describe(given) }]
}
