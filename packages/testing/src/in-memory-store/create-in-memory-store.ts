import { randomUUID } from 'node:crypto'
import {
  ConfigurationError,
  StoreClosedError,
  streamIdOf,
  type AnyAggregate,
  type AppendOptions,
  type AppendResult,
  type CommandInput,
  type CommandName,
  type EventStorePort,
  type EventToAppend,
  type ExecuteOptions,
  type ExecuteResult,
  type Head,
  type Loaded,
  type LoadOptions,
  type NewEvent,
  type ReadStreamOptions,
  type RecordedEvent,
  type StateOf,
  type StreamPart,
  type SubscribeOptions,
  type WalkLogOptions,
} from '@tidemark/eventstore'
import { checkDistinctIds, checkStreamId, encodeExpectedVersion, serializeEvent } from '@tidemark/eventstore/store-kit'
import { executeInMemory, stateAt } from './memory-execute.js'
import { MemoryLog } from './memory-log.js'
import { MemorySubscription, type MemoryCheckpoint } from './memory-subscription.js'

export interface InMemoryStoreOptions {
  /** What `recordedAt` is taken from; the machine's clock unless said. */
  readonly clock?: () => Date
  /** Makes event ids; random UUIDs unless said. */
  readonly generateId?: () => string
  /** As of the store on Postgres: 1 MiB unless said. */
  readonly maxEventBytes?: number
}

/**
 * An event store in memory, for unit tests of code that takes an `EventStorePort`: the same outcomes and errors as on Postgres.
 *
 * It belongs to one process and forgets everything with it. Nothing waits in it, so appends never race; there are no snapshots, and no
 * transactions to join.
 *
 * @example
 * const store = createInMemoryStore({ clock: () => new Date('2026-01-01') })
 * await store.append(Counter, 'c-1', [{ type: 'Added', data: { amount: 1 } }], { expectedVersion: 'no-stream' })
 */
export function createInMemoryStore(options: InMemoryStoreOptions = {}): InMemoryStore {
  return new InMemoryStore(options)
}

export class InMemoryStore implements EventStorePort {
  private readonly log: MemoryLog
  private readonly generateId: () => string
  private readonly maxEventBytes: number
  private readonly checkpoints = new Map<string, MemoryCheckpoint>()
  private readonly subscriptions = new Set<MemorySubscription>()
  private readonly epoch = randomUUID()
  private closed = false

  /** @internal Use {@link createInMemoryStore}. */
  constructor({
    clock = () => new Date(),
    generateId = randomUUID,
    maxEventBytes = 1024 * 1024,
  }: InMemoryStoreOptions) {
    this.log = new MemoryLog(clock)
    this.generateId = generateId
    this.maxEventBytes = maxEventBytes
  }

  async append<A extends AnyAggregate>(
    aggregate: A,
    aggregateId: string,
    events: readonly EventToAppend<A['events']>[],
    options: AppendOptions,
  ): Promise<AppendResult> {
    const streamId = streamIdOf(aggregate.name, aggregateId)
    return this.appendPart({ streamId, events, expectedVersion: options.expectedVersion, aggregate }, options)
  }

  async appendToStream(streamId: string, events: readonly NewEvent[], options: AppendOptions): Promise<AppendResult> {
    return this.appendPart({ streamId, events, expectedVersion: options.expectedVersion }, options)
  }

  async appendToStreams(
    streams: readonly StreamPart[],
    { transaction }: Pick<AppendOptions, 'transaction'> = {},
  ): Promise<readonly AppendResult[]> {
    refuseTransaction(transaction)
    const parts = streams.map((part) => this.partOf(part))
    if (new Set(parts.map(({ streamId }) => streamId)).size < parts.length)
      throw new ConfigurationError('a stream stands twice in one append: put all of its events into one part')
    checkDistinctIds(parts.flatMap(({ events }) => events))
    if (parts.every(({ events }) => events.length === 0)) return parts.map(({ streamId }) => nothingAppended(streamId))
    return this.log.appendAll(parts)
  }

  async load<A extends AnyAggregate>(
    aggregate: A,
    aggregateId: string,
    { at, atVersion }: LoadOptions = {},
  ): Promise<Loaded<StateOf<A>>> {
    const streamId = streamIdOf(aggregate.name, aggregateId)
    const toVersion = at === undefined ? atVersion : this.log.versionAt(streamId, at)
    const events = this.log.stream(streamId, 1n, toVersion)
    const { version = 0n, position = 0n } = events.at(-1) ?? {}
    const state = stateAt(this.log, aggregate, streamId, version)
    return { state, version, position, snapshotVersion: 0n, eventsRead: events.length }
  }

  async execute<A extends AnyAggregate, Name extends CommandName<A>>(
    aggregate: A,
    aggregateId: string,
    name: Name,
    input: CommandInput<A, Name>,
    options: ExecuteOptions = {},
  ): Promise<ExecuteResult<StateOf<A>>> {
    this.refuseWhenClosed()
    options.signal?.throwIfAborted()
    const context = { generateId: this.generateId, serialize: this.serialize }
    return executeInMemory(this.log, context, aggregate, aggregateId, { name, input }, options)
  }

  async readStream(streamId: string, options: ReadStreamOptions = {}): Promise<RecordedEvent[]> {
    return this.streamPart(streamId, options).slice(0, options.limit ?? 1000)
  }

  async *walkStream(streamId: string, options: ReadStreamOptions = {}): AsyncGenerator<RecordedEvent> {
    yield* this.streamPart(streamId, options)
  }

  async *walkLog({ after = 0n, upTo, ...filter }: WalkLogOptions = {}): AsyncGenerator<RecordedEvent> {
    for (let from = after; ;) {
      const [event] = this.log.after(from, 1, filter)
      if (!event || (upTo !== undefined && event.position > upTo)) return
      yield event
      from = event.position
    }
  }

  async head(): Promise<Head> {
    return { position: this.log.head, lastPosition: this.log.head, heldBackByPid: undefined }
  }

  subscribe(options: SubscribeOptions): MemorySubscription {
    const place = { position: 0n, eventId: undefined, epoch: this.epoch }
    const checkpoint = this.checkpoints.get(options.name) ?? { place, owner: undefined }
    this.checkpoints.set(options.name, checkpoint)
    const subscription = new MemorySubscription(this.log, checkpoint, options)
    this.subscriptions.add(subscription)
    void subscription.ended.then(() => this.subscriptions.delete(subscription))
    return subscription
  }

  /** Ends the subscriptions and refuses appends; what was stored can still be read. */
  async close(): Promise<void> {
    this.closed = true
    await Promise.all([...this.subscriptions].map((subscription) => subscription.stop()))
  }

  private readonly serialize = (streamId: string, event: NewEvent, aggregate: AnyAggregate | undefined) =>
    serializeEvent(streamId, event, aggregate, { generateId: this.generateId, maxEventBytes: this.maxEventBytes })

  private partOf({ streamId, expectedVersion, events, aggregate }: StreamPart) {
    const checked = checkStreamId(streamId)
    const expected = encodeExpectedVersion(expectedVersion)
    return { streamId: checked, expected, events: events.map((event) => this.serialize(checked, event, aggregate)) }
  }

  private appendPart(streamPart: StreamPart, { transaction, signal }: AppendOptions): AppendResult {
    refuseTransaction(transaction)
    const part = this.partOf(streamPart)
    checkDistinctIds(part.events)
    if (part.events.length === 0) return nothingAppended(part.streamId)
    this.refuseWhenClosed()
    signal?.throwIfAborted()
    return this.log.append(part)
  }

  private streamPart(streamId: string, options: ReadStreamOptions): RecordedEvent[] {
    const { fromVersion = 1n, toVersion, direction = 'forwards' } = options
    const events = this.log.stream(streamId, fromVersion, toVersion)
    return direction === 'forwards' ? events : events.toReversed()
  }

  private refuseWhenClosed(): void {
    if (this.closed) throw new StoreClosedError()
  }
}

function refuseTransaction(transaction: unknown): void {
  if (transaction !== undefined)
    throw new ConfigurationError('a store in memory joins no transaction: test this code with Postgres')
}

function nothingAppended(streamId: string): AppendResult {
  return { streamId, version: 0n, position: 0n, events: [], duplicate: false }
}
