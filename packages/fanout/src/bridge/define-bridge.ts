import { storedTypesOf, type AnyAggregate, type LogFilter, type RecordedEvent } from '@tidemark/eventstore'
import { BridgeConfigurationError } from '../errors.js'

/** What {@link defineBridge} takes. */
export interface BridgeOptions {
  /** The name of its checkpoint: letters, digits, `_`, `.` and `-`. */
  readonly name: string
  /** The aggregates whose events are published; all of them unless said. */
  readonly from?: readonly AnyAggregate[]
  /** The event types that are published, with `from` under their former names too, as stored; all of them unless said. */
  readonly types?: readonly string[]
  /** One topic, a topic per aggregate, or a pure function; `<aggregate>.events` unless said. */
  readonly topic?: string | Readonly<Record<string, string>> | ((event: RecordedEvent) => string)
  /** What `ce_source` says; `/<schema of the store>/<aggregate>` unless said. Consumers know an event by source and id together. */
  readonly source?: string
  /** The URI of the schema of an event's data, for `ce_dataschema`. */
  readonly dataSchema?: (event: RecordedEvent) => string | undefined
  /** Headers of your own beside those of CloudEvents, which they cannot replace. */
  readonly headers?: (event: RecordedEvent) => Readonly<Record<string, string>>
}

/** What a bridge publishes, and where to; made by {@link defineBridge}. */
export interface BridgeDefinition {
  readonly name: string
  readonly filter: LogFilter
  /** The topics that are known before the first event. */
  readonly topics: readonly string[]
  readonly topicOf: (event: RecordedEvent) => string
  readonly source: string | undefined
  readonly dataSchema: ((event: RecordedEvent) => string | undefined) | undefined
  readonly headers: ((event: RecordedEvent) => Readonly<Record<string, string>>) | undefined
}

/**
 * Defines which events a bridge publishes, and where to.
 *
 * Its name is its identity: under another name it starts at the beginning of the log. A filter that is widened later does not bring
 * back what was passed over.
 *
 * @throws {BridgeConfigurationError} a name, a topic or an event type cannot be.
 *
 * @example
 * const orders = defineBridge({ name: 'orders', from: [Order], topic: 'shop.orders' })
 */
export function defineBridge(options: BridgeOptions): BridgeDefinition {
  const { name, from, types, topic, source, dataSchema, headers } = options
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/.test(name)) {
    throw new BridgeConfigurationError(
      `bridge name ${JSON.stringify(name)} is not usable: letters, digits, _, . and -, at most 100`,
    )
  }
  const categories = from?.map((aggregate) => aggregate.name)
  checkTypes(name, from, types)
  checkTopicMap(name, categories, topic)
  const topicOf = (event: RecordedEvent) =>
    checkTopic(name, typeof topic === 'function' ? topic(event) : topicOfCategory(topic, event.category))
  const topics = typeof topic === 'function' ? [] : knownTopics(topic, categories)
  for (const each of topics) checkTopic(name, each)
  const storedTypes = types && storedTypesOf(from ?? [], types)
  return { name, filter: { categories, types: storedTypes }, topics, topicOf, source, dataSchema, headers }
}

type FixedTopic = string | Readonly<Record<string, string>> | undefined

function topicOfCategory(topic: FixedTopic, category: string): string {
  if (typeof topic === 'string') return topic
  return (topic && Object.hasOwn(topic, category) ? topic[category] : undefined) ?? `${category}.events`
}

function knownTopics(topic: FixedTopic, categories: readonly string[] | undefined): string[] {
  if (typeof topic === 'string') return [topic]
  const known = categories?.map((category) => topicOfCategory(topic, category)) ?? Object.values(topic ?? {})
  return [...new Set(known)]
}

/** @throws {BridgeConfigurationError} Kafka would not take the name. */
function checkTopic(bridge: string, topic: string): string {
  if (/^[A-Za-z0-9._-]{1,249}$/.test(topic) && topic !== '.' && topic !== '..') return topic
  throw new BridgeConfigurationError(
    `bridge "${bridge}": topic ${JSON.stringify(topic)} is not usable: letters, digits, ., _ and -, at most 249`,
  )
}

function checkTypes(
  bridge: string,
  from: readonly AnyAggregate[] | undefined,
  types: readonly string[] | undefined,
): void {
  if (from?.length === 0 || types?.length === 0) {
    throw new BridgeConfigurationError(`bridge "${bridge}" publishes nothing: leave out an empty "from" or "types"`)
  }
  if (!from || !types) return
  const known = new Set(from.flatMap((aggregate) => Object.keys(aggregate.events)))
  const unknown = types.find((type) => !known.has(type))
  if (unknown === undefined) return
  throw new BridgeConfigurationError(
    `bridge "${bridge}": none of its aggregates has an event ${unknown}, they have ${[...known].join(', ')}`,
  )
}

function checkTopicMap(bridge: string, categories: readonly string[] | undefined, topic: BridgeOptions['topic']): void {
  if (typeof topic !== 'object' || !categories) return
  const stranger = Object.keys(topic).find((category) => !categories.includes(category))
  if (stranger === undefined) return
  throw new BridgeConfigurationError(
    `bridge "${bridge}" has a topic for "${stranger}", which is not among its aggregates: ${categories.join(', ')}`,
  )
}
