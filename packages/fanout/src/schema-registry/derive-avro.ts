import type { JsonSchema, JsonSchemaObject } from '@tidemark/eventstore'
import {
  arrayNode,
  booleanNode,
  constantNode,
  dateNode,
  doubleNode,
  enumNode,
  intNode,
  isRecord,
  longNode,
  mapNode,
  nullNode,
  recordNode,
  stringNode,
  timestampNode,
  unionNode,
  uuidNode,
  type AvroField,
  type AvroNode,
} from './avro-node.js'
import { SchemaNotExpressibleError } from './errors.js'

/** What a derivation is told besides the schema. */
export interface DeriveAvroOptions {
  /** What the errors call the event: `order.OrderPlaced`. */
  readonly event: string
  /** The full name of the record; records within it have names that begin with it. */
  readonly recordName: string
  /** `logical`: dates and times as Avro's logical types; `string`: as text, exactly as stored. */
  readonly dates: 'logical' | 'string'
}

/**
 * Derives an Avro schema from the canonical JSON Schema of an event.
 *
 * The same schema always gives the same text. What Avro has no counterpart for is refused, not weakened: only bounds and patterns of
 * strings, numbers and lists are left out, for nothing validates an event again when it is read.
 *
 * @throws {SchemaNotExpressibleError} a part has no counterpart in Avro; the path and a way out are named.
 */
export function deriveAvro(schema: JsonSchema, options: DeriveAvroOptions): AvroNode {
  return new Derivation(schema, options).root()
}

/** Where a schema stands: the path of its data, and the name that a record or an enum there has. */
interface Place {
  readonly path: string
  readonly name: string
}

const anything = 'anything may stand there: declare what it is, or publish this event with JSON Schema'

class Derivation {
  private readonly names = new Set<string>()
  /** Schemas that others refer to, by their references. */
  private readonly referred = new Map<string, AvroNode>()

  constructor(
    private readonly schema: JsonSchema,
    private readonly options: DeriveAvroOptions,
  ) {}

  root(): AvroNode {
    const place = { path: '$', name: this.options.recordName }
    const node = isRecord(this.schema) && isClosed(this.schema) ? this.reference('#', place) : undefined
    return node ?? this.fail(place, 'the data of an event has to be an object with declared properties')
  }

  private node(schema: JsonSchema, place: Place): AvroNode {
    if (!isRecord(schema)) return this.fail(place, schema ? anything : 'nothing may stand there: leave it out')
    if (typeof schema['$ref'] === 'string') return this.reference(schema['$ref'], place)
    const alternatives = schema['anyOf'] ?? schema['oneOf']
    if (Array.isArray(alternatives)) return this.union(alternatives as JsonSchema[], place)
    if ('const' in schema || Array.isArray(schema['enum'])) return this.literals(schema, place)
    const { type } = schema
    if (Array.isArray(type))
      return this.union(
        type.map((each: unknown) => ({ ...schema, type: each })),
        place,
      )
    switch (type) {
      case 'null':
        return nullNode
      case 'boolean':
        return booleanNode
      case 'string':
        return this.text(schema)
      case 'number':
        return doubleNode
      case 'integer':
        // By bounds that somebody may move, a type would change that consumers were compiled with.
        return schema['minimum'] === -(2 ** 31) && schema['maximum'] === 2 ** 31 - 1 ? intNode : longNode
      case 'array':
        return this.list(schema, place)
      case 'object':
        return this.object(schema, place)
      default:
        return this.fail(
          place,
          Object.keys(schema).length === 0 ? anything : `${JSON.stringify(schema)} has no counterpart`,
        )
    }
  }

  private text({ format, pattern }: JsonSchemaObject): AvroNode {
    if (format === 'uuid') return uuidNode
    // Without a pattern the format is a remark, which nothing checked when the event was appended. A local time has no format.
    if (this.options.dates === 'string' || pattern === undefined) return stringNode
    if (format === 'date') return dateNode
    return format === 'date-time' ? timestampNode : stringNode
  }

  private literals({ const: constant, enum: listed, type }: JsonSchemaObject, place: Place): AvroNode {
    const values: unknown[] = Array.isArray(listed) ? listed : [constant]
    const [only] = values
    if (values.length === 1 && typeof only === 'string') return constantNode(only)
    if (values.every((value) => typeof value === 'string')) {
      // Symbols are names in Avro. Other texts are published as text, which later values do not break either.
      return values.every(isName) ? enumNode(this.claim(place), values) : stringNode
    }
    if (values.every((value) => typeof value === 'number')) return type === 'integer' ? longNode : doubleNode
    if (values.every((value) => typeof value === 'boolean')) return booleanNode
    if (values.every((value) => value === null)) return nullNode
    return this.fail(
      place,
      'its values are of several types: declare a union of types, or publish this event with JSON Schema',
    )
  }

  private list({ items = true, prefixItems }: JsonSchemaObject, place: Place): AvroNode {
    if (prefixItems === undefined)
      return arrayNode(this.node(items as JsonSchema, { ...place, path: `${place.path}[]` }))
    return this.fail(place, 'Avro has no tuples: make it an object with named properties')
  }

  private object(schema: JsonSchemaObject, place: Place): AvroNode {
    if (isClosed(schema)) return this.record(schema, place)
    const { properties, additionalProperties = true } = schema
    if (properties !== undefined) {
      return this.fail(place, 'it has declared and undeclared properties: make the others a z.record() of their own')
    }
    return mapNode(this.node(additionalProperties as JsonSchema, { ...place, path: `${place.path}.*` }))
  }

  private record({ properties, required }: JsonSchemaObject, place: Place): AvroNode {
    const name = this.claim(place)
    const needed = new Set(Array.isArray(required) ? (required as string[]) : [])
    const fields = Object.entries((properties ?? {}) as Record<string, JsonSchema>).map(
      ([property, schema]): AvroField => {
        const at = { path: `${place.path}.${property}`, name: `${place.name}_${property}` }
        if (!isName(property)) {
          this.fail(at, 'its name is none in Avro, which takes letters, digits and _: rename it, or use JSON Schema')
        }
        const node = this.node(schema, at)
        const isTag = isRecord(schema) && typeof schema['const'] === 'string'
        if (needed.has(property)) return { name: property, node, absent: 'never', isTag }
        return { name: property, node: this.unionOf([nullNode, node], at), absent: 'as-null', isTag: false }
      },
    )
    return recordNode(name, fields)
  }

  private union(alternatives: readonly JsonSchema[], place: Place): AvroNode {
    const tag = tagOf(alternatives)
    const objects = alternatives.filter(isObjectSchema)
    const nodes = alternatives.map((schema) => {
      if (!isObjectSchema(schema) || objects.length === 1) return this.node(schema, place)
      const value = tag === undefined ? undefined : constantOf(schema, tag)
      if (value !== undefined && /^\w+$/.test(value))
        return this.node(schema, { ...place, name: `${place.name}_${value}` })
      return this.fail(
        place,
        'its objects cannot be told apart by name: use z.discriminatedUnion() with values of letters, digits and _',
      )
    })
    return this.unionOf(nodes, place)
  }

  private unionOf(nodes: readonly AvroNode[], place: Place): AvroNode {
    const flat = nodes.flatMap((node) => (node.parts ? [...node.parts] : [node]))
    const nullable = flat.some((node) => node === nullNode)
    const branches = [...(nullable ? [nullNode] : []), ...flat.filter((node) => node !== nullNode)]
    const [only] = branches
    if (only && branches.length === 1) return only
    const names = branches.map(({ branch }) => branch)
    const twice = names.find((name, index) => names.indexOf(name) !== index)
    if (twice === undefined) return unionNode(branches)
    return this.fail(place, `a union has one branch of each type, and this has two of type ${twice}: merge them`)
  }

  /** A record that is referred to is written out where it is met first, and named from then on. */
  private reference(reference: string, place: Place): AvroNode {
    const known = this.referred.get(reference)
    if (known) return known
    const target = resolve(reference, this.schema)
    if (!isRecord(target) || !isClosed(target)) return this.fail(place, 'only objects may contain themselves')
    const whole: { node?: AvroNode } = {}
    const node = () => whole.node ?? this.fail(place, 'it contains itself')
    this.referred.set(reference, {
      schema: place.name,
      branch: place.name,
      admits: (value) => node().admits(value),
      write: (value, path) => node().write(value, path),
      read: (value) => node().read(value),
    })
    return (whole.node = this.record(target, place))
  }

  private claim(place: Place): string {
    if (!place.name.split('.').every(isName)) {
      return this.fail(
        place,
        `"${place.name}" is no name in Avro, which takes letters, digits and _: rename it, or use JSON Schema`,
      )
    }
    if (this.names.has(place.name)) {
      return this.fail(place, `two parts would have the name ${place.name}: rename one of them, or use JSON Schema`)
    }
    this.names.add(place.name)
    return place.name
  }

  private fail({ path }: Place, reason: string): never {
    throw new SchemaNotExpressibleError(this.options.event, path, reason)
  }
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z_][A-Za-z0-9_]*$/.test(value)
}

/** Whether an object has the properties that it declares and no others. */
function isClosed({ type, additionalProperties }: JsonSchemaObject): boolean {
  return type === 'object' && additionalProperties === false
}

function isObjectSchema(schema: JsonSchema): boolean {
  return isRecord(schema) && isClosed(schema)
}

/** The property whose text tells the objects of a union apart. */
function tagOf(alternatives: readonly JsonSchema[]): string | undefined {
  const objects = alternatives.filter(isObjectSchema)
  const [first] = objects
  if (!isRecord(first)) return undefined
  return Object.keys(first['properties'] ?? {}).find((name) => {
    const values = objects.map((schema) => constantOf(schema, name))
    return values.every((value) => value !== undefined) && new Set(values).size === values.length
  })
}

function constantOf(schema: JsonSchema, property: string): string | undefined {
  const properties = isRecord(schema) && isRecord(schema['properties']) ? schema['properties'] : {}
  const declared = properties[property]
  return isRecord(declared) && typeof declared['const'] === 'string' ? declared['const'] : undefined
}

function resolve(reference: string, root: JsonSchema): unknown {
  const [, ...steps] = reference.split('/')
  let target: unknown = root
  for (const step of steps) {
    const name = step.replaceAll('~1', '/').replaceAll('~0', '~')
    target = isRecord(target) && Object.hasOwn(target, name) ? target[name] : undefined
  }
  return target
}
