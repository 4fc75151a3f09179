import { storedTypesOf, type AnyAggregate, type LogFilter, type RecordedEvent } from '@tidemark/eventstore'
import { BridgeConfigurationError } from '../errors.js'
import type { TopicSettings } from '../kafka-producer-port.js'
import { partitionFor } from '../partition-for.js'
import { recordKeyOf } from '../record-key.js'
import { checkTopic, chooseTopics, compileWhere, type TopicChoice, type TopicRule } from './topic-choice.js'
import { checkTopicSettings } from '../topic-settings.js'

/** What {@link defineBridge} takes. Its functions are pure: they are called again when records are sent again. */
export interface BridgeOptions {
  /** The name of its checkpoint: letters, digits, `_`, `.` and `-`. */
  readonly name: string
  /** The aggregates whose events are published; all of them unless said, without the audit that the store keeps of itself. */
  readonly from?: readonly AnyAggregate[]
  /** The event types that are published, with `from` under their former names too, as stored; all of them unless said. */
  readonly types?: readonly string[]
  /** Which of these events are published, by their content: a pattern, several of which any may hold, or a function; all of them unless said. */
  readonly where?: TopicRule['where']
  /** Where they go; `'{aggregate}.events'` unless said. */
  readonly topic?: TopicChoice
  /** What keeps its order, and decides the partition; the stream's id unless said, after the tenant where there are any. */
  readonly key?: (event: RecordedEvent) => string
  /**
   * What a record carries: the event's data, a notification of it (type, id, stream, version and position, for consumers that fetch the rest), or what
   * a function makes of it. The data as stored unless said.
   */
  readonly payload?: 'event' | 'notification' | ((event: RecordedEvent) => unknown)
  /** Whether CloudEvents' attributes are in the headers (`binary`), or also in the value around the data (`structured`); `binary` unless said. */
  readonly format?: 'binary' | 'structured'
  /** What `ce_source` says; `/<schema of the store>/<aggregate>` unless said. Consumers know an event by source and id together. */
  readonly source?: string
  /** The URI of the schema of an event's data, for `ce_dataschema`. */
  readonly dataSchema?: (event: RecordedEvent) => string | undefined
  /** Headers of your own beside those of CloudEvents, which they cannot replace. */
  readonly headers?: (event: RecordedEvent) => Readonly<Record<string, string>>
  /** The partition of a key, from 0 to below the number of partitions; the one that Java's clients choose unless said. */
  readonly partitioner?: (key: string, partitionCount: number) => number
  /** `park` sets an event that cannot be published aside with the later ones of its key; `halt` stops the bridge before it. `park` unless said. */
  readonly onUnpublishable?: 'park' | 'halt'
  /** Creates topics that are missing, like this; without it a missing topic is an error. */
  readonly createTopics?: TopicSettings
  /**
   * Into how many lanes its keys are shared out, 1 to 64; 1 unless said. Each has a producer, a checkpoint and a lease of its own, so that several processes
   * share one bridge. A divisor of the topics' partitions, so that no partition has records of two lanes.
   */
  readonly lanes?: number
  /**
   * Publishes in Kafka's transactions, so that consumers that read only what is committed (`read_committed`) see each event once. How far it is, is kept in a
   * topic, `<name>.progress` unless said. Bridges of other stores on the same brokers need another one.
   */
  readonly transactional?: boolean | { readonly progressTopic: string }
}

/** What a bridge publishes, and where to; made by {@link defineBridge}. */
export interface BridgeDefinition {
  readonly name: string
  readonly filter: LogFilter
  readonly matches: (event: RecordedEvent) => boolean
  /** The topics that are known before the first event. */
  readonly topics: readonly string[]
  readonly topicOf: (event: RecordedEvent) => string
  /** The topic of a kind of event; undefined where it depends on more than its aggregate and type. */
  readonly topicOfKind: ((kind: Pick<RecordedEvent, 'category' | 'type'>) => string) | undefined
  readonly keyOf: (event: RecordedEvent) => string
  readonly payload: NonNullable<BridgeOptions['payload']>
  readonly format: NonNullable<BridgeOptions['format']>
  readonly source: string | undefined
  readonly dataSchema: BridgeOptions['dataSchema']
  readonly headers: BridgeOptions['headers']
  readonly partitioner: (key: string, partitionCount: number) => number
  readonly onUnpublishable: NonNullable<BridgeOptions['onUnpublishable']>
  readonly createTopics: TopicSettings | undefined
  readonly lanes: number
  /** Where a bridge that publishes in transactions keeps how far it is; undefined for one that does not. */
  readonly progressTopic: string | undefined
}

/**
 * Defines which events a bridge publishes, and where to.
 *
 * Its name is its identity: under another name it starts at the beginning of the log. A filter that is widened later does not bring
 * back what was passed over.
 *
 * @throws {BridgeConfigurationError} a name, a topic, a pattern, an event type or a setting cannot be.
 *
 * @example
 * const orders = defineBridge({
 *   name: 'orders',
 *   from: [Order],
 *   topic: [
 *     { where: { type: 'OrderPlaced', data: { tier: 'premium', total: { gt: 100 } } }, to: 'premium-orders' },
 *     { to: '{aggregate}.events' },
 *   ],
 * })
 */
export function defineBridge(options: BridgeOptions): BridgeDefinition {
  const { name, from, types, where, topic, key = recordKeyOf, source, dataSchema, headers, createTopics } = options
  const {
    payload = 'event',
    format = 'binary',
    onUnpublishable = 'park',
    partitioner,
    lanes = 1,
    transactional,
  } = options
  checkName(name)
  const categories = from?.map((aggregate) => aggregate.name)
  checkTypes(name, from, types)
  checkChoice(name, 'payload', payload, ['event', 'notification'])
  checkChoice(name, 'format', format, ['binary', 'structured'])
  checkChoice(name, 'onUnpublishable', onUnpublishable, ['park', 'halt'])
  if (createTopics) checkTopicSettings(name, createTopics)
  if (!Number.isInteger(lanes) || lanes < 1 || lanes > 64)
    throw new BridgeConfigurationError(`bridge "${name}": lanes is a whole number from 1 to 64`)
  const progressTopic = progressTopicOf(name, transactional)
  const { topicOf, known } = chooseTopics(name, topic, categories)
  const wanted = compileWhere(name, 'where', where)
  const storedTypes = types && storedTypesOf(from ?? [], types)
  return {
    name,
    filter: { categories, types: storedTypes },
    matches: categories ? wanted : (event) => !isOwnEvent(event) && wanted(event),
    topics: known,
    topicOf,
    topicOfKind: dependsOnKind(topic) ? (kind) => topicOf(kind as RecordedEvent) : undefined,
    keyOf: key,
    ...{ payload, format, source, dataSchema, headers, onUnpublishable, createTopics, lanes, progressTopic },
    partitioner: partitioner ?? partitionFor,
  }
}

/** Events of categories like `tidemark.audit` are about the store, and nobody made a topic for them. */
function isOwnEvent({ category }: RecordedEvent): boolean {
  return category.startsWith('tidemark.')
}

function progressTopicOf(name: string, transactional: BridgeOptions['transactional'] = false): string | undefined {
  if (transactional === false) return undefined
  return checkTopic(name, transactional === true ? `${name}.progress` : transactional.progressTopic)
}

/** Whether aggregate and type alone decide the topic. */
function dependsOnKind(topic: TopicChoice | undefined): boolean {
  if (typeof topic === 'function' || Array.isArray(topic)) return false
  return !JSON.stringify(topic ?? '').includes('{tenant}')
}

function checkName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/.test(name)) return
  throw new BridgeConfigurationError(
    `bridge name ${JSON.stringify(name)} is not usable: letters, digits, _, . and -, at most 100`,
  )
}

function checkChoice(bridge: string, option: string, value: unknown, choices: readonly string[]): void {
  if (typeof value === 'function' || choices.includes(value as string)) return
  throw new BridgeConfigurationError(
    `bridge "${bridge}": ${option} cannot be ${JSON.stringify(value)}: it is ${choices.join(' or ')}`,
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
