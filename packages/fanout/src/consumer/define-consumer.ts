import type { AnyAggregate, EventOf } from '@tidemark/eventstore'
import type { ClientBase } from 'pg'
import { checkConsumer, inboxOf, listOf, retryOf, type Inbox, type Retry } from './consumer-rules.js'
import type { ConsumedEvent } from './decode-record.js'
import type { ConsumedRecord } from './kafka-consumer-port.js'
import type { Causes } from './wait-for-causes.js'

type OneOrMore = AnyAggregate | readonly AnyAggregate[]
type Members<From> = From extends readonly (infer A)[] ? A : From
type Consumed<E> = E extends { readonly type: infer Type extends string; readonly data: infer Data }
  ? ConsumedEvent<Type, Data>
  : never
type EventsOf<A> = A extends AnyAggregate ? Consumed<EventOf<A['events']>> : never

/** The events of an aggregate, or of several, as a consumer gets them. */
export type ConsumedFrom<From extends OneOrMore> = EventsOf<Members<From>>

/** What a handler gets besides its event. */
export interface ConsumeContext {
  /** What the event was read from. */
  readonly record: ConsumedRecord
  /** Which try this is, from 1; tries before the program was started again are not counted. */
  readonly attempt: number
  /** Aborted when the work should end soon: what is not committed some seconds later is undone. */
  readonly signal: AbortSignal
}

/** What a handler of batches gets besides its events. */
export interface ConsumeBatchContext {
  readonly signal: AbortSignal
}

/** What each type of event does, in the transaction that also notes that it was handled; it must not commit or roll back. */
export type EventHandlers<From extends OneOrMore> = {
  readonly [Type in ConsumedFrom<From>['type']]?: (
    transaction: ClientBase,
    event: Extract<ConsumedFrom<From>, { readonly type: Type }>,
    context: ConsumeContext,
  ) => Promise<void>
}

/** What becomes of a record that is not handled: passed over, sent to the dead letters, or the partition halts before it. */
export type RecordPolicy = 'ignore' | 'dead-letter' | 'stop'

/** What is done with records that cannot be handled. */
export interface DeadLetterOptions {
  /** What follows the name of the original topic; `-dlt` unless said. */
  readonly suffix?: string
  /** Whether they are also kept in the table `consumer_dead_letters`; false unless said. */
  readonly table?: boolean
  /** Called after a dead letter was acknowledged, to tell people; what it throws is logged and changes nothing. */
  readonly onDeadLetter?: (letter: DeadLetter) => void | Promise<void>
}

/** A record that went to the dead letters. */
export interface DeadLetter {
  readonly consumer: string
  readonly topic: string
  readonly record: ConsumedRecord
  readonly error: Error
}

/** What {@link defineConsumer} and {@link defineBatchConsumer} have in common. */
export interface ConsumerOptions {
  /** Its identity in the inbox: under another name it handles everything again. Letters, digits, `_`, `.` and `-`. */
  readonly name: string
  /** The consumer group; its name unless said. */
  readonly group?: string
  readonly topics: readonly string[]
  /** Where a new group starts; `earliest` unless said. */
  readonly from?: 'earliest' | 'latest'
  /** How it knows what it has handled; `id` unless said. */
  readonly inbox?: Inbox['by'] | Inbox
  /** How often a failing record is tried again, and how; 5 tries in place unless said. */
  readonly retry?: Retry
  /** Where records go that keep failing; `false` halts their partition instead. */
  readonly deadLetter?: DeadLetterOptions | false
  /** Lets events wait for those that they follow from; they wait for nothing unless said. Needs an inbox by id, and handlers by event. */
  readonly causes?: Causes
  /** Events of types that its aggregates do not know; `stop` unless said. */
  readonly unknownTypes?: RecordPolicy
  /** Records without a value; `ignore` unless said. */
  readonly tombstones?: RecordPolicy
  /**
   * Whether data must fit the schema of its event, and goes to the dead letters otherwise: for topics that other programs write to. The log's own events were
   * checked when they were appended, by the schema of that time. Events with personal data are left out, as their fields are encrypted. False unless said.
   */
  readonly checkData?: boolean
  /** How many keys are handled at the same time, each in a transaction of its own; 8 unless said. */
  readonly concurrency?: number
}

/** What {@link defineConsumer} takes. */
export interface ConsumerOfEvents<From extends OneOrMore> extends ConsumerOptions {
  /** The aggregate whose events it gets, or a list of them, and what they do; types without a handler are passed over. */
  readonly on: readonly [From, EventHandlers<From>]
}

/** What {@link defineBatchConsumer} takes. */
export interface ConsumerOfBatches<From extends OneOrMore> extends ConsumerOptions {
  readonly on: From
  /** Only these types; all of the aggregates' unless said. */
  readonly types?: readonly ConsumedFrom<From>['type'][]
  /** Handles events that follow each other in one partition, in one transaction; it must not commit or roll back. */
  readonly handleBatch: (
    transaction: ClientBase,
    events: readonly ConsumedFrom<From>[],
    context: ConsumeBatchContext,
  ) => Promise<void>
  /** How many events a transaction has at most; 500 unless said. */
  readonly batchSize?: number
}

// Methods compare their parameters both ways, so that a consumer of any events fits.
type AnyHandler = {
  method(transaction: ClientBase, event: ConsumedEvent, context: ConsumeContext): Promise<void>
}['method']
type AnyBatchHandler = {
  method(transaction: ClientBase, events: readonly ConsumedEvent[], context: ConsumeBatchContext): Promise<void>
}['method']

/** What a consumer handles, and how; made by {@link defineConsumer} or {@link defineBatchConsumer}. */
export interface ConsumerDefinition {
  readonly name: string
  readonly group: string
  readonly topics: readonly string[]
  readonly from: 'earliest' | 'latest'
  readonly inbox: Required<Inbox>
  readonly retry: Required<Retry>
  readonly causes: Required<Causes> | undefined
  readonly deadLetter: (DeadLetterOptions & { readonly suffix: string }) | undefined
  readonly unknownTypes: RecordPolicy
  readonly tombstones: RecordPolicy
  readonly checkData: boolean
  readonly concurrency: number
  readonly aggregates: readonly AnyAggregate[]
  /** The types that it handles. */
  readonly types: ReadonlySet<string>
  readonly handling:
    | { readonly by: 'event'; readonly handlers: ReadonlyMap<string, AnyHandler> }
    | { readonly by: 'batch'; readonly handle: AnyBatchHandler; readonly batchSize: number }
}

/**
 * Defines what a consumer does with the events of Kafka topics: one at a time, in order per key, several keys at once.
 *
 * A handler's writes through its transaction happen exactly once per event; anything else it does may happen again. The name is its
 * identity in the inbox.
 *
 * @throws {ConsumerConfigurationError} an option is unusable, or options do not go together.
 *
 * @example
 * import { defineAggregate, event } from '@tidemark/eventstore'
 * const Order = defineAggregate({
 *   name: 'order',
 *   initialState: () => ({}),
 *   events: { OrderPlaced: event(z.object({ total: z.number() })) },
 *   evolve: { OrderPlaced: (state) => state },
 *   commands: () => ({}),
 * })
 * const notifications = defineConsumer({
 *   name: 'notifications',
 *   topics: ['shop.orders'],
 *   on: [Order, {
 *     OrderPlaced: async (transaction, event) => {
 *       await transaction.query('insert into notifications (order_id) values ($1)', [event.aggregateId])
 *     },
 *   }],
 * })
 */
export function defineConsumer<const From extends OneOrMore>(options: ConsumerOfEvents<From>): ConsumerDefinition {
  const [from, handlers] = options.on
  const byType = new Map(Object.entries(handlers as Readonly<Record<string, AnyHandler>>))
  return definitionOf(options, listOf(from), [...byType.keys()], { by: 'event', handlers: byType })
}

/**
 * Defines a consumer that handles many events in one transaction: for speed.
 *
 * A batch that fails is handled again one event at a time, so that only the one that is at fault is set aside.
 *
 * @throws {ConsumerConfigurationError} an option is unusable, or options do not go together.
 *
 * @example
 * const revenue = defineBatchConsumer({
 *   name: 'revenue',
 *   topics: ['shop.orders'],
 *   on: Order,
 *   types: ['OrderPlaced'],
 *   handleBatch: async (transaction, events) => {
 *     const total = events.reduce((sum, { data }) => sum + data.total, 0)
 *     await transaction.query('update revenue set total = total + $1', [total])
 *   },
 * })
 */
export function defineBatchConsumer<const From extends OneOrMore>(
  options: ConsumerOfBatches<From>,
): ConsumerDefinition {
  const { handleBatch, batchSize = 500 } = options
  const aggregates = listOf(options.on)
  const types = options.types ?? aggregates.flatMap(({ events }) => Object.keys(events))
  return definitionOf(options, aggregates, types, { by: 'batch', handle: handleBatch, batchSize })
}

function definitionOf(
  options: ConsumerOptions,
  aggregates: readonly AnyAggregate[],
  types: readonly string[],
  handling: ConsumerDefinition['handling'],
): ConsumerDefinition {
  const { name, group = name, topics, from = 'earliest', deadLetter = {} } = options
  const { unknownTypes = 'stop', tombstones = 'ignore', checkData = false, concurrency = 8 } = options
  const definition: ConsumerDefinition = {
    ...{ name, group, topics, from, unknownTypes, tombstones, checkData, concurrency, aggregates, handling },
    types: new Set(types),
    inbox: inboxOf(options.inbox),
    retry: retryOf(options.retry),
    causes: options.causes && { waitMs: 30_000, otherwise: 'handle', ...options.causes },
    deadLetter: deadLetter === false ? undefined : { ...deadLetter, suffix: deadLetter.suffix ?? '-dlt' },
  }
  checkConsumer(definition)
  return definition
}
