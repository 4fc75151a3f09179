import { jsonSchemaOf, type AnyAggregate, type EventDefinition, type JsonSchema } from '@tidemark/eventstore'
import avro from 'avsc'
import { isRecord } from './avro-node.js'
import { deriveAvro } from './derive-avro.js'
import { SchemaNotExpressibleError } from './errors.js'
import { registryJsonSchema } from './registry-json-schema.js'
import type { RegistrySchema } from './schema-registry-client.js'

/** How events become values of records. */
export interface PayloadFormat {
  readonly format: 'avro' | 'json-schema'
  /** Stands before the names of all records: with `com.shop` an event is `com.shop.order.OrderPlaced`; `order.OrderPlaced` unless said. */
  readonly namespace?: string
  /** In Avro: dates and times as logical types, or as text exactly as stored; `logical` unless said. */
  readonly dates?: 'logical' | 'string'
}

/** The schema of one kind of event, and how its data is written and read by it. */
export interface EventCodec {
  readonly category: string
  readonly type: string
  /** The name of its record, which is the same at all schema versions. */
  readonly recordName: string
  readonly schema: RegistrySchema
  /** @throws {Error} the data does not fit the schema. */
  encode(data: unknown): Buffer
  /** Reads what was written by any schema that resolves to this one. */
  decode(payload: Buffer, writer: RegistrySchema): unknown
}

/**
 * The schema of an event of an aggregate, derived from its zod schema.
 *
 * @throws {SchemaNotExpressibleError} it cannot be said in Avro.
 */
export function eventCodec(aggregate: AnyAggregate, type: string, options: PayloadFormat): EventCodec {
  const definition = aggregate.events[type]
  const { format, namespace, dates = 'logical' } = options
  const identity = { category: aggregate.name, type, recordName: recordNameOf(aggregate.name, type, namespace) }
  const schema = definition ? jsonSchemaOf(definition.schema) : false
  if (format === 'json-schema')
    return { ...identity, ...jsonCodec(withSealed(schema, definition), identity.recordName) }
  const event = `${aggregate.name}.${type}`
  const [personal] = definition?.personal?.fields ?? []
  if (personal) {
    const reason = 'it is personal data, which is published encrypted: publish this event with JSON Schema'
    throw new SchemaNotExpressibleError(event, `$.${personal.path.join('.')}`, reason)
  }
  return { ...identity, ...avroCodec(schema, { event, recordName: identity.recordName, dates }) }
}

/** The name of an event's record: `order.OrderPlaced`, with the namespace before it where there is one. */
export function recordNameOf(category: string, type: string, namespace: string | undefined): string {
  return [...(namespace === undefined ? [] : [namespace]), category, type].join('.')
}

type Codec = Pick<EventCodec, 'schema' | 'encode' | 'decode'>

function jsonCodec(schema: JsonSchema, recordName: string): Codec {
  return {
    schema: { schemaType: 'JSON', schema: registryJsonSchema(schema, recordName) },
    encode: (data) => Buffer.from(JSON.stringify(data)),
    decode: (payload) => JSON.parse(payload.toString()) as unknown,
  }
}

function avroCodec(schema: JsonSchema, options: Parameters<typeof deriveAvro>[1]): Codec {
  const node = deriveAvro(schema, options)
  const type = avro.Type.forSchema(node.schema as avro.Schema, { wrapUnions: true })
  const resolvers = new Map<string, { readonly type: avro.Type; readonly resolver: unknown }>()
  const resolverOf = (text: string) => {
    const known = resolvers.get(text)
    if (known) return known
    const writer = avro.Type.forSchema(JSON.parse(text) as avro.Schema, { wrapUnions: true })
    const made = { type: writer, resolver: type.createResolver(writer) }
    resolvers.set(text, made)
    return made
  }
  const text = JSON.stringify(node.schema)
  return {
    schema: { schemaType: 'AVRO', schema: text },
    encode: (data) => type.toBuffer(node.write(data, '$')),
    decode: (payload, writer) =>
      node.read(
        writer.schema === text
          ? type.fromBuffer(payload)
          : type.fromBuffer(payload, resolverOf(writer.schema).resolver as Parameters<typeof type.fromBuffer>[1]),
      ),
  }
}

/** An encrypted value, as it stands in the log and in records until its subject is forgotten, and after. */
const sealed: JsonSchema = {
  additionalProperties: false,
  properties: { $personal: { type: 'object' } },
  required: ['$personal'],
  type: 'object',
}

/** The schema with an encrypted value allowed wherever the event declares personal data. */
function withSealed(schema: JsonSchema, definition: EventDefinition | undefined): JsonSchema {
  return (definition?.personal?.fields ?? []).reduce((whole, { path }) => sealedAt(whole, path), schema)
}

function sealedAt(schema: JsonSchema, [name, ...rest]: readonly string[]): JsonSchema {
  if (name === undefined) return { anyOf: [schema, sealed] }
  if (!isRecord(schema) || !isRecord(schema['properties'])) return schema
  const { properties } = schema
  const property = properties[name] as JsonSchema | undefined
  if (property === undefined) return schema
  return { ...schema, properties: { ...properties, [name]: sealedAt(property, rest) } }
}
