import { ValueMisfitError } from './errors.js'

/** An Avro schema as JSON. */
export type AvroSchema = string | readonly AvroSchema[] | { readonly [attribute: string]: unknown }

/** One place of an Avro schema, and how JSON becomes what the Avro library takes there. */
export interface AvroNode {
  readonly schema: AvroSchema
  /** What it is called as a branch of a union. */
  readonly branch: string
  /** Whether a JSON value is meant for this branch of a union. */
  admits(value: unknown): boolean
  /** @throws {ValueMisfitError} the value does not belong here. */
  write(value: unknown, path: string): unknown
  read(value: unknown): unknown
  /** The branches of a union. */
  readonly parts?: readonly AvroNode[]
}

/** A property of a record. */
export interface AvroField {
  readonly name: string
  readonly node: AvroNode
  /** Whether it may be left out; Avro then has null. */
  readonly absent: 'never' | 'as-null'
  /** Whether its value tells the records of a union apart. */
  readonly isTag: boolean
}

const same = (value: unknown) => value
const refuse = (path: string, expected: string): never => {
  throw new ValueMisfitError(path, `is not ${expected}`)
}

function scalar(schema: AvroSchema, branch: string, expected: string, admits: (value: unknown) => boolean): AvroNode {
  const write = (value: unknown, path: string) => (admits(value) ? value : refuse(path, expected))
  return { schema, branch, admits, write, read: same }
}

const isString = (value: unknown) => typeof value === 'string'

export const nullNode = scalar('null', 'null', 'null', (value) => value === null)
export const booleanNode = scalar('boolean', 'boolean', 'true or false', (value) => typeof value === 'boolean')
export const doubleNode = scalar('double', 'double', 'a number', (value) => typeof value === 'number')
export const longNode = scalar('long', 'long', 'a whole number', (value) => Number.isSafeInteger(value))
export const intNode = scalar(
  'int',
  'int',
  'a whole number of 32 bits',
  (value) => (value as number) === ((value as number) | 0),
)
export const stringNode = scalar('string', 'string', 'a string', isString)
export const uuidNode = scalar({ type: 'string', logicalType: 'uuid' }, 'string', 'a string', isString)

/** A string that can only have one value. */
export function constantNode(value: string): AvroNode {
  return scalar('string', 'string', JSON.stringify(value), (each) => each === value)
}

export function enumNode(name: string, symbols: readonly string[]): AvroNode {
  const schema = { type: 'enum', name, symbols }
  return scalar(schema, name, `one of ${symbols.join(', ')}`, (value) => isString(value) && symbols.includes(value))
}

/** Days since 1970. */
export const dateNode: AvroNode = {
  schema: { type: 'int', logicalType: 'date' },
  branch: 'int',
  admits: (value) => isString(value) && /^\d{4}-\d\d-\d\d$/.test(value),
  write(value, path) {
    const millis = this.admits(value) ? Date.parse(`${value as string}T00:00:00Z`) : NaN
    return Number.isNaN(millis) ? refuse(path, 'a date') : millis / 86_400_000
  },
  read: (value) => new Date((value as number) * 86_400_000).toISOString().slice(0, 10),
}

/** Milliseconds since 1970: the instant is kept, the way in which it was written is not. */
export const timestampNode: AvroNode = {
  schema: { type: 'long', logicalType: 'timestamp-millis' },
  branch: 'long',
  admits: (value) => isString(value) && /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:?\d\d)$/.test(value),
  write(value, path) {
    const millis = this.admits(value) ? Date.parse(value as string) : NaN
    if (Number.isNaN(millis)) return refuse(path, 'a time with Z or an offset')
    // What Avro cannot hold is refused, not cut off.
    if (/\.\d{3}\d*[1-9]/.test(value as string)) {
      return refuse(path, 'a time in whole milliseconds: publish times as text with dates "string"')
    }
    return millis
  },
  read: (value) => new Date(value as number).toISOString(),
}

export function arrayNode(items: AvroNode): AvroNode {
  return {
    schema: { type: 'array', items: items.schema },
    branch: 'array',
    admits: Array.isArray,
    write: (value, path) =>
      Array.isArray(value)
        ? value.map((each, index) => items.write(each, `${path}[${index}]`))
        : refuse(path, 'a list'),
    read: (value) => (value as unknown[]).map((each) => items.read(each)),
  }
}

export function mapNode(values: AvroNode): AvroNode {
  return {
    schema: { type: 'map', values: values.schema },
    branch: 'map',
    admits: isRecord,
    write: (value, path) =>
      isRecord(value)
        ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, values.write(each, `${path}.${key}`)]))
        : refuse(path, 'an object'),
    read: (value) => Object.fromEntries(Object.entries(value as object).map(([key, each]) => [key, values.read(each)])),
  }
}

/** Properties that are not among its fields are left out. */
export function recordNode(name: string, fields: readonly AvroField[]): AvroNode {
  const tags = fields.filter(({ isTag }) => isTag)
  return {
    schema: {
      type: 'record',
      name,
      fields: fields.map((field) => ({
        name: field.name,
        type: field.node.schema,
        ...(field.absent === 'as-null' ? { default: null } : {}),
      })),
    },
    branch: name,
    admits: (value) => isRecord(value) && tags.every((tag) => tag.node.admits(value[tag.name])),
    write(value, path) {
      if (!isRecord(value)) return refuse(path, 'an object')
      return Object.fromEntries(
        fields.map(({ name: property, node, absent }) => {
          const present = Object.hasOwn(value, property)
          if (!present && absent === 'as-null') return [property, null]
          return [property, node.write(present ? value[property] : undefined, `${path}.${property}`)]
        }),
      )
    },
    read: (value) =>
      Object.fromEntries(
        fields.flatMap(({ name: property, node, absent }) => {
          const each = (value as Record<string, unknown>)[property]
          return absent === 'as-null' && each === null ? [] : [[property, node.read(each)]]
        }),
      ),
  }
}

/** One of several; each value but null is wrapped in the name of its branch. */
export function unionNode(branches: readonly AvroNode[]): AvroNode {
  const named = new Map(branches.map((branch) => [branch.branch, branch]))
  const find = (value: unknown) => branches.find((branch) => branch.admits(value))
  return {
    schema: branches.map(({ schema }) => schema),
    branch: 'union',
    parts: branches,
    admits: (value) => find(value) !== undefined,
    write(value, path) {
      if (value === null && named.has('null')) return null
      const branch = find(value)
      return branch
        ? { [branch.branch]: branch.write(value, path) }
        : refuse(path, `any of ${[...named.keys()].join(', ')}`)
    },
    read(value) {
      if (value === null) return null
      const [[name, each] = []] = Object.entries(value as object) as [string, unknown][]
      return named.get(name ?? '')?.read(each)
    },
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
