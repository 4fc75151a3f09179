import type { z } from 'zod'
import { ProjectionDefinitionError } from './errors.js'
import { snakeCase } from './names.js'

/** The Postgres types that columns of read models have. */
export type ColumnType = 'text' | 'double precision' | 'bigint' | 'boolean' | 'timestamptz' | 'jsonb'

/** What a column's values are in TypeScript. `int` is a safe integer as a number, `json` anything that JSON holds. */
export type ColumnKind = 'string' | 'number' | 'int' | 'bigint' | 'boolean' | 'date' | 'json'

/** A column of a read model. */
export interface Column {
  /** The property of the row in TypeScript: `placedAt`. */
  readonly property: string
  /** The column in Postgres: `placed_at`; quote it. */
  readonly column: string
  readonly type: ColumnType
  readonly kind: ColumnKind
  readonly nullable: boolean
  /** What an SQL null is in TypeScript: `null` where the schema takes it, else an absent property. */
  readonly whenNull: 'null' | 'absent'
}

const typeOfKind: Record<ColumnKind, ColumnType> = {
  string: 'text',
  number: 'double precision',
  int: 'bigint',
  bigint: 'bigint',
  boolean: 'boolean',
  date: 'timestamptz',
  json: 'jsonb',
}

/** The parts of a zod definition that matter here; which of them are there depends on `type`. */
interface Definition {
  readonly type: string
  readonly innerType?: z.ZodType
  readonly entries?: Readonly<Record<string, unknown>>
  readonly values?: readonly unknown[]
  readonly shape?: Readonly<Record<string, z.ZodType>>
  readonly element?: z.ZodType
  readonly options?: readonly z.ZodType[]
  readonly keyType?: z.ZodType
  readonly valueType?: z.ZodType
  readonly items?: readonly z.ZodType[]
  readonly rest?: z.ZodType | null
  readonly left?: z.ZodType
  readonly right?: z.ZodType
  readonly catchall?: z.ZodType
}

const definitionOf = (schema: z.ZodType) => schema.def as unknown as Definition

/**
 * The columns that a zod object schema stands for, in its order.
 *
 * @throws {ProjectionDefinitionError} a property cannot be a column: no value of it would come back from Postgres the same.
 *
 * @example
 * columnsOf('order-summary', z.object({ orderId: z.string(), placedAt: z.date().nullable() }))
 * // order_id text not null, placed_at timestamptz
 */
export function columnsOf(projection: string, schema: z.ZodObject): Column[] {
  const refuse = (reason: string): never => {
    throw new ProjectionDefinitionError(projection, reason)
  }
  const { catchall } = definitionOf(schema)
  if (catchall && definitionOf(catchall).type !== 'never')
    refuse('its schema lets unknown properties through, which have no column: use z.object or z.strictObject')
  const byColumn = new Map<string, string>()
  const columns = Object.entries(schema.shape as Record<string, z.ZodType>).map(([property, type]): Column => {
    const column = snakeCase(property)
    if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(property) || column.length > 63)
      refuse(`property ${JSON.stringify(property)} is not usable: a letter, then letters, digits and _, at most 63`)
    const other = byColumn.get(column)
    if (other !== undefined) refuse(`properties ${other} and ${property} are the same column, ${column}: rename one`)
    byColumn.set(column, property)
    const { inner, optional, nullable } = unwrap(type)
    const kind = kindOf(inner)
    const unstorable = kind === 'json' ? unstorableWithin(inner, property) : undefined
    if (unstorable) refuse(unstorable)
    return {
      property,
      column,
      kind,
      type: typeOfKind[kind],
      nullable: optional || nullable,
      whenNull: nullable ? 'null' : 'absent',
    }
  })
  if (columns.length === 0) refuse('its schema has no properties')
  return columns
}

const wrappers: ReadonlySet<string> = new Set([
  'optional',
  'nullable',
  'default',
  'prefault',
  'nonoptional',
  'readonly',
  'catch',
])

/** Takes off what only says whether a value may be missing. */
function unwrap(schema: z.ZodType): { inner: z.ZodType; optional: boolean; nullable: boolean } {
  let inner = schema
  let optional = false
  let nullable = false
  for (;;) {
    const { type, innerType } = definitionOf(inner)
    if (!innerType || !wrappers.has(type)) return { inner, optional, nullable }
    if (type === 'optional') optional = true
    if (type === 'nullable') nullable = true
    inner = innerType
  }
}

function kindOf(schema: z.ZodType): ColumnKind {
  const { type, entries, values } = definitionOf(schema)
  switch (type) {
    case 'string':
    case 'template_literal':
      return 'string'
    case 'number':
      return (schema as z.ZodNumber).format?.includes('int') ? 'int' : 'number'
    case 'bigint':
      return 'bigint'
    case 'boolean':
      return 'boolean'
    case 'date':
      return 'date'
    case 'enum':
      return Object.values(entries ?? {}).every((value) => typeof value === 'string') ? 'string' : 'json'
    case 'literal':
      return kindOfLiterals(values ?? [])
    default:
      return 'json'
  }
}

function kindOfLiterals(values: readonly unknown[]): ColumnKind {
  const only = (type: string) => values.length > 0 && values.every((value) => typeof value === type)
  if (only('string')) return 'string'
  if (only('boolean')) return 'boolean'
  if (only('number')) return values.every(Number.isSafeInteger) ? 'int' : 'number'
  return only('bigint') ? 'bigint' : 'json'
}

const plain: ReadonlySet<string> = new Set([
  ...['string', 'template_literal', 'number', 'boolean', 'null', 'enum', 'literal', 'any', 'unknown', 'never'],
  ...['object', 'array', 'record', 'union', 'tuple', 'intersection', 'lazy', ...wrappers],
])

/** Names the first part of a JSON column that JSON cannot give back, such as a date within an object. */
function unstorableWithin(schema: z.ZodType, path: string): string | undefined {
  const definition = definitionOf(schema)
  const { type, innerType, shape = {}, element, options = [], items = [], rest, valueType, left, right } = definition
  if (!plain.has(type)) {
    const instead = type === 'date' || type === 'bigint' ? 'use a string there' : 'use plain values'
    return `${path} is a ${type}, which would not come back from a JSON column the same: ${instead}`
  }
  for (const [property, inner] of Object.entries(shape)) {
    const found = unstorableWithin(inner, `${path}.${property}`)
    if (found) return found
  }
  for (const inner of [innerType, element, ...options, ...items, rest, valueType, left, right]) {
    const found = inner ? unstorableWithin(inner, inner === element ? `${path}[]` : path) : undefined
    if (found) return found
  }
  return undefined
}
