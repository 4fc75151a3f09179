import { upcast, type AnyAggregate, type RecordedEvent } from '@tidemark/eventstore'
import type { BridgeDefinition } from '../bridge/define-bridge.js'
import { BridgeConfigurationError, EventNotPublishableError } from '../errors.js'
import type { PayloadSerializer } from '../payload-serializer.js'
import { eventRoutes, type EventRoute, type RegistryFormat } from './event-routes.js'
import type { SchemaRegistryClient } from './schema-registry-client.js'
import { framePayload } from './wire-format.js'

export interface SchemaRegistrySerializerOptions extends RegistryFormat {
  readonly registry: SchemaRegistryClient
  /** The aggregates whose events are published. */
  readonly aggregates: readonly AnyAggregate[]
  /** Whether schemas are registered when a bridge starts; true unless said. Without it they have to be there. */
  readonly register?: boolean
}

/**
 * Makes values in the wire format of schema registries for a bridge, by schemas that are derived from the events' zod schemas.
 *
 * All schemas are registered, or looked up, when the bridge starts; from then on the registry is not asked any more, and may be away.
 * Events of older schema versions are upcast, since a registry knows the present schema only. Give each bridge one of its own.
 *
 * @example
 * const serializer = createSchemaRegistrySerializer({ registry, aggregates: [Order], format: 'avro' })
 * const bridge = createBridge(store, orders, { producer, serializer })
 */
export function createSchemaRegistrySerializer(options: SchemaRegistrySerializerOptions): PayloadSerializer {
  return new SchemaRegistrySerializer(options)
}

interface PreparedEvent {
  readonly encode: (data: unknown) => Buffer
  readonly schemaId: number
}

class SchemaRegistrySerializer implements PayloadSerializer {
  readonly contentType: string
  private readonly aggregates: ReadonlyMap<string, AnyAggregate>
  private prepared: ReadonlyMap<string, PreparedEvent> = new Map()

  constructor(private readonly options: SchemaRegistrySerializerOptions) {
    // Not that of the payload alone: five bytes stand before it.
    this.contentType = options.format === 'avro' ? 'application/vnd.confluent.avro' : 'application/vnd.confluent.json'
    this.aggregates = new Map(options.aggregates.map((aggregate) => [aggregate.name, aggregate]))
  }

  /** @throws {SchemaRefusedError} @throws {SchemaNotRegisteredError} @throws {SchemaRegistryUnavailableError} @throws {SchemaNotExpressibleError} */
  async prepare(bridge: BridgeDefinition): Promise<void> {
    const prepared = new Map<string, PreparedEvent>()
    for (const { codec, subject } of eventRoutes(bridge, this.options.aggregates, this.options)) {
      const schemaId = await this.idOf(subject, codec)
      prepared.set(keyOf(codec), { schemaId, encode: (data) => codec.encode(data) })
    }
    this.prepared = prepared
  }

  present(event: RecordedEvent): RecordedEvent {
    const aggregate = this.aggregates.get(event.category)
    if (!aggregate) {
      const reason = `the serializer of its bridge does not have aggregate "${event.category}": add it there, or leave it out of the bridge with "from"`
      throw new EventNotPublishableError(event, { reason })
    }
    const present = upcast(aggregate, event)
    if (!present) {
      const reason = 'its type has no schema any more: leave it out of the bridge with "types"'
      throw new EventNotPublishableError(event, { reason })
    }
    if (present.schemaVersion !== event.schemaVersion && aggregate.events[present.type]?.personal) {
      const reason = `it is of schema version ${event.schemaVersion}, and what is encrypted in it cannot be upcast`
      throw new EventNotPublishableError(event, { reason })
    }
    return present
  }

  async serialize(event: RecordedEvent): Promise<Buffer> {
    const present = this.present(event)
    const prepared = this.prepared.get(keyOf(present))
    if (!prepared) {
      throw new BridgeConfigurationError(
        `event ${present.category}.${present.type} was not prepared: call prepare() with the bridge that publishes it`,
      )
    }
    try {
      return framePayload(prepared.schemaId, prepared.encode(present.data))
    } catch (cause) {
      const reason = `it does not fit its schema: ${cause instanceof Error ? cause.message : String(cause)}`
      throw new EventNotPublishableError(event, { reason, cause })
    }
  }

  private idOf(subject: string, { schema }: EventRoute['codec']): Promise<number> {
    const { registry, register = true } = this.options
    return register ? registry.register(subject, schema) : registry.idOf(subject, schema)
  }
}

function keyOf({ category, type }: { readonly category: string; readonly type: string }): string {
  return `${category}/${type}`
}
