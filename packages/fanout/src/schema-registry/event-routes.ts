import type { AnyAggregate } from '@tidemark/eventstore'
import type { BridgeDefinition } from '../bridge/define-bridge.js'
import { BridgeConfigurationError } from '../errors.js'
import { eventCodec, type EventCodec, type PayloadFormat } from './event-codecs.js'
import { subjectName, type SubjectNames } from './subject-names.js'

/** How a bridge's events are written, and under which subjects their schemas are kept. */
export interface RegistryFormat extends PayloadFormat {
  /** `record` unless said. */
  readonly subjects?: SubjectNames
}

/** One kind of event on its way to a topic. */
export interface EventRoute {
  /** Undefined where only the event tells it. */
  readonly topic: string | undefined
  readonly subject: string
  readonly codec: EventCodec
}

/**
 * What a bridge publishes: each kind of event, its schema, and the subject that this is kept under.
 *
 * @throws {BridgeConfigurationError} an aggregate is missing, a subject would have two schemas, or depends on a topic that is not known yet.
 * @throws {SchemaNotExpressibleError} an event cannot be said in Avro.
 *
 * @example
 * for (const { subject, codec } of eventRoutes(orders, [Order], { format: 'avro' })) console.log(subject, codec.schema)
 */
export function eventRoutes(
  bridge: BridgeDefinition,
  aggregates: readonly AnyAggregate[],
  format: RegistryFormat,
): EventRoute[] {
  if (bridge.payload !== 'event' || bridge.format !== 'binary') {
    throw new BridgeConfigurationError(
      `bridge "${bridge.name}": a schema registry knows the schemas of whole events: leave out its "payload" and "format"`,
    )
  }
  const strategy = format.subjects ?? 'record'
  const routes = publishedEvents(bridge, aggregates).map(([aggregate, type]): EventRoute => {
    const topic = bridge.topicOfKind?.({ category: aggregate.name, type })
    if (topic === undefined && strategy !== 'record') {
      throw new BridgeConfigurationError(
        `bridge "${bridge.name}": its topics are known with each event only, so its schemas cannot be registered before: name them by record`,
      )
    }
    const codec = eventCodec(aggregate, type, format)
    return { topic, codec, subject: subjectName(strategy, { topic: topic ?? '', recordName: codec.recordName }) }
  })
  checkSubjects(bridge.name, routes)
  return routes
}

function publishedEvents(
  { name, filter }: BridgeDefinition,
  aggregates: readonly AnyAggregate[],
): (readonly [AnyAggregate, string])[] {
  const missing = filter.categories?.find((category) => !aggregates.some((aggregate) => aggregate.name === category))
  if (missing !== undefined) {
    throw new BridgeConfigurationError(
      `bridge "${name}" publishes "${missing}", which is not among the aggregates of its serializer: add it there`,
    )
  }
  return aggregates
    .filter((aggregate) => filter.categories?.includes(aggregate.name) ?? true)
    .flatMap((aggregate) =>
      Object.entries(aggregate.events)
        .filter(([type, { formerly }]) => {
          const { types } = filter
          return types === undefined || [type, ...formerly].some((stored) => types.includes(stored))
        })
        .map(([type]) => [aggregate, type] as const),
    )
}

function checkSubjects(bridge: string, routes: readonly EventRoute[]): void {
  const owners = new Map<string, string>()
  for (const { subject, codec } of routes) {
    const other = owners.get(subject)
    if (other !== undefined && other !== codec.recordName) {
      throw new BridgeConfigurationError(
        `bridge "${bridge}": ${other} and ${codec.recordName} would share subject "${subject}": name subjects by record or topic-record, or give each a topic`,
      )
    }
    owners.set(subject, codec.recordName)
  }
}
