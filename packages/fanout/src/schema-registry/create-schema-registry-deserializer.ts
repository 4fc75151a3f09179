import type { AnyAggregate } from '@tidemark/eventstore'
import avro from 'avsc'
import { PayloadUnreadableError } from './errors.js'
import { eventCodec, type EventCodec, type PayloadFormat } from './event-codecs.js'
import type { RegistrySchema, SchemaRegistryClient } from './schema-registry-client.js'
import { unframePayload } from './wire-format.js'

export interface SchemaRegistryDeserializerOptions extends Omit<PayloadFormat, 'format'> {
  readonly registry: SchemaRegistryClient
  /** The aggregates whose events are expected; of events of others the data is read as their schema says it. */
  readonly aggregates?: readonly AnyAggregate[]
}

/** A record's value, read. */
export interface ReadPayload {
  readonly schemaId: number
  /** The name of its record: `order.OrderPlaced`; undefined where its schema has none. */
  readonly recordName: string | undefined
  readonly data: unknown
}

/** Reads values in the wire format of schema registries. */
export interface PayloadDeserializer {
  /**
   * Reads one value; asks the registry once for each schema.
   *
   * @throws {PayloadUnreadableError} it is not in the wire format, or its schema and that of this code do not go together.
   * @throws {SchemaRegistryUnavailableError} its schema is not known yet, and the registry does not answer.
   */
  deserialize(value: Uint8Array): Promise<ReadPayload>
}

/**
 * Reads what {@link createSchemaRegistrySerializer} or another client of a schema registry wrote.
 *
 * Avro is resolved to the schema of this code's event of the same name, so older code reads what newer code wrote, and the other way
 * round, as far as Avro's rules go. Avro of other events, and JSON, is read as it was written.
 *
 * @example
 * const deserializer = createSchemaRegistryDeserializer({ registry, aggregates: [Order] })
 * const { data } = await deserializer.deserialize(message.value)
 */
export function createSchemaRegistryDeserializer(options: SchemaRegistryDeserializerOptions): PayloadDeserializer {
  const { registry, aggregates = [] } = options
  const readers = new Map<number, { recordName: string | undefined; read: (payload: Buffer) => unknown }>()
  const codecs = new Map<string, EventCodec>()

  function codecNamed(recordName: string): EventCodec | undefined {
    const known = codecs.get(recordName)
    if (known) return known
    const prefix = options.namespace === undefined ? '' : `${options.namespace}.`
    for (const aggregate of aggregates) {
      const type = Object.keys(aggregate.events).find((each) => `${prefix}${aggregate.name}.${each}` === recordName)
      if (type === undefined) continue
      const codec = eventCodec(aggregate, type, { ...options, format: 'avro' })
      codecs.set(recordName, codec)
      return codec
    }
    return undefined
  }

  async function readerOf(schemaId: number) {
    const known = readers.get(schemaId)
    if (known) return known
    const schema = await registry.schemaOf(schemaId)
    const reader = makeReader(schema, codecNamed)
    readers.set(schemaId, reader)
    return reader
  }

  return {
    async deserialize(value) {
      const { schemaId, payload } = unframePayload(value)
      const { recordName, read } = await readerOf(schemaId)
      try {
        return { schemaId, recordName, data: read(payload) }
      } catch (cause) {
        const reason = `by schema ${schemaId}, ${recordName ?? 'without a name'}: ${cause instanceof Error ? cause.message : String(cause)}`
        throw new PayloadUnreadableError(reason, { cause })
      }
    },
  }
}

function makeReader(schema: RegistrySchema, codecNamed: (recordName: string) => EventCodec | undefined) {
  const parsed: unknown = JSON.parse(schema.schema)
  if (schema.schemaType === 'JSON') {
    const { title } = (parsed ?? {}) as { title?: unknown }
    const recordName = typeof title === 'string' ? title : undefined
    return { recordName, read: (payload: Buffer) => JSON.parse(payload.toString()) as unknown }
  }
  const type = avro.Type.forSchema(parsed as avro.Schema)
  const recordName = type.name
  const codec = recordName === undefined ? undefined : codecNamed(recordName)
  const read = (payload: Buffer): unknown => (codec ? codec.decode(payload, schema) : type.fromBuffer(payload))
  return { recordName, read }
}
