import type { AppendResult } from './append-outcome.js'
import type { CheckpointPlace } from './checkpoint.js'
import type { Queryable } from './database.js'
import type { AnyAggregate, CommandInput, CommandName, EventToAppend, StateOf } from './define-aggregate.js'
import type {
  AppendOptions,
  LoadOptions,
  ReadStreamOptions,
  StreamPart,
  WalkLogOptions,
} from './event-store-options.js'
import type { NewEvent, RecordedEvent } from './event.js'
import type { ExecuteOptions, ExecuteResult } from './execute-command.js'
import type { Loaded } from './load-aggregate.js'
import type { LogFilter } from './log-source.js'
import type { Head } from './sql/select-head.js'

/** What programs do with the streams of an event store: with all of them, or with those of one tenant. */
export interface StreamStorePort {
  append<A extends AnyAggregate>(
    aggregate: A,
    aggregateId: string,
    events: readonly EventToAppend<A['events']>[],
    options: AppendOptions,
  ): Promise<AppendResult>
  appendToStream(streamId: string, events: readonly NewEvent[], options: AppendOptions): Promise<AppendResult>
  appendToStreams(
    streams: readonly StreamPart[],
    options?: Pick<AppendOptions, 'transaction'>,
  ): Promise<readonly AppendResult[]>
  load<A extends AnyAggregate>(aggregate: A, aggregateId: string, options?: LoadOptions): Promise<Loaded<StateOf<A>>>
  execute<A extends AnyAggregate, Name extends CommandName<A>>(
    aggregate: A,
    aggregateId: string,
    command: Name,
    input: CommandInput<A, Name>,
    options?: ExecuteOptions,
  ): Promise<ExecuteResult<StateOf<A>>>
  readStream(streamId: string, options?: ReadStreamOptions): Promise<RecordedEvent[]>
  walkStream(streamId: string, options?: ReadStreamOptions): AsyncIterable<RecordedEvent>
}

/**
 * What programs use of an event store, wherever it keeps its events.
 *
 * `EventStore` on Postgres is one; `createInMemoryStore()` of `@tidemark/testing` is another, for unit tests. Both pass the same
 * contract suite, so a function that takes a port may be given either. Each method is described at `EventStore`.
 *
 * @example
 * import type { EventStorePort } from '@tidemark/eventstore'
 *
 * async function rename(store: EventStorePort, id: string, name: string) {
 *   await store.appendToStream(`customer-${id}`, [{ type: 'CustomerRenamed', data: { name } }], { expectedVersion: 'stream-exists' })
 * }
 */
export interface EventStorePort extends StreamStorePort {
  walkLog(options?: WalkLogOptions): AsyncIterable<RecordedEvent>
  head(): Promise<Head>
  subscribe(options: SubscribeOptions): RunningSubscription
  close(): Promise<void>
}

/** What to subscribe to, and what to do with it; more options are at `SubscriptionOptions`. */
export interface SubscribeOptions {
  readonly name: string
  readonly filter?: LogFilter
  readonly batchSize?: number
  readonly handle: (batch: DeliveredBatch) => Promise<void>
}

/** A batch of events, and the checkpoint that its handler advances to `to` together with its effects. */
export interface DeliveredBatch {
  readonly events: readonly RecordedEvent[]
  readonly to: CheckpointPlace
  readonly checkpoint: { advance(transaction: Queryable, to: CheckpointPlace): Promise<void> }
}

/** A subscription as its owner sees it. */
export interface RunningSubscription {
  readonly state: string
  readonly lastError: unknown
  readonly ended: Promise<void>
  stop(): Promise<void>
}
