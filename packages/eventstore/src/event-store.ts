import { randomUUID } from 'node:crypto'
import type { Pool } from 'pg'
import { generateId } from './generate-id.js'
import type { AppendResult } from './append-outcome.js'
import { AppendQueue } from './append-queue.js'
import { appendToStreams, appendToStreamsInTransaction } from './append-to-streams.js'
import { appendInTransaction } from './append-transaction.js'
import type { Database } from './database.js'
import { checkDistinctIds } from './distinct-event-ids.js'
import type { AnyAggregate, CommandInput, CommandName, EventToAppend, StateOf } from './define-aggregate.js'
import { ConfigurationError } from './errors.js'
import type {
  AppendOptions,
  EventStoreOptions,
  LoadOptions,
  ReadStreamOptions,
  StreamPart,
  WalkLogOptions,
} from './event-store-options.js'
import type { EventStorePort } from './event-store-port.js'
import type { NewEvent, RecordedEvent } from './event.js'
import { executeCommand, type ExecuteOptions, type ExecuteResult } from './execute-command.js'
import { encodeExpectedVersion } from './expected-version.js'
import { loadAggregate, newestVersion, versionAt, type Loaded } from './load-aggregate.js'
import { silentLogger, type Logger } from './logger.js'
import type { LogSource } from './log-source.js'
import { hasPersonalPart } from './personal-data/personal-events.js'
import { Vault } from './personal-data/vault.js'
import { PostgresLog } from './postgres-log.js'
import { serializeEvent } from './serialize-event.js'
import { SnapshotWriter } from './snapshot-writer.js'
import type { StreamAppend } from './sql/insert-events.js'
import type { Head } from './sql/select-head.js'
import { selectStream } from './sql/select-stream.js'
import { checkStreamId, streamIdOf } from './stream-id.js'
import { StoreUpkeep } from './store-upkeep.js'
import { Subscription, type SubscriptionOptions } from './subscription.js'
import { observeAppends, observeBatches, observeExecute, observeLoad } from './telemetry/observe.js'
import { createStoreMetrics, type StoreMetrics } from './telemetry/store-metrics.js'
import { withTraceparent } from './telemetry/traced.js'
import { isBehindPooler } from './transaction-pooler.js'
import { Wakeup } from './wakeup.js'
import { walkLog, walkStream } from './walk.js'

/**
 * An event store on a schema that was migrated by `@tidemark/migrations`.
 *
 * The pool stays the caller's: it is neither changed nor ended by the store.
 *
 * @throws {ConfigurationError} an option is unusable.
 *
 * @example
 * const store = createEventStore(pool)
 * await store.execute(Counter, 'c-1', 'add', { amount: 1 })
 * const { state, version } = await store.load(Counter, 'c-1')
 */
export function createEventStore(pool: Pool, options: EventStoreOptions = {}): EventStore {
  return new EventStore(pool, options)
}

export class EventStore extends StoreUpkeep implements EventStorePort {
  /** The log, for subscriptions of any kind. */
  readonly log: LogSource & Required<Pick<LogSource, 'verify'>>
  /** Where the store's statements go; for packages that build on the store. */
  readonly database: Database
  protected readonly vault: Vault
  private readonly appends: AppendQueue
  private readonly snapshots: SnapshotWriter
  private readonly wakeup: Wakeup
  private readonly logger: Logger
  private readonly generateId: () => string
  private readonly clock: (() => Date) | undefined
  private readonly maxEventBytes: number
  private readonly retryForMs: number
  private readonly metrics: StoreMetrics | undefined
  private readonly sendAppend: ReturnType<typeof observeAppends>
  private readonly subscriptions = new Set<Subscription>()

  /** @internal Use {@link createEventStore}. */
  constructor(
    readonly pool: Pool,
    options: EventStoreOptions,
  ) {
    super()
    const { schema = 'tidemark', logger = silentLogger } = options
    const pooled = isBehindPooler(pool)
    const { preparedStatements = !pooled, listen = pooled ? false : pool.options } = options
    if (!/^[a-z_][a-z0-9_]{0,49}$/.test(schema)) {
      throw new ConfigurationError(
        `schema name ${JSON.stringify(schema)} is not usable: lower-case letters, digits and _, at most 50 characters`,
      )
    }
    this.logger = logger
    const { clock } = options
    this.clock = clock
    this.generateId = options.generateId ?? (() => generateId(clock?.()))
    this.retryForMs = options.retryForMs ?? 15_000
    this.maxEventBytes = options.maxEventBytes ?? 1024 * 1024
    this.database = { queryable: pool, schema, prepare: preparedStatements }
    this.vault = new Vault(this.database, options.personalData)
    this.wakeup = new Wakeup(this.database, {
      pollIntervalMs: options.pollIntervalMs ?? 200,
      listen: listen === false ? undefined : { connection: listen, heartbeatMs: 10_000 },
      logger,
    })
    this.log = new PostgresLog(this.database, this.wakeup)
    this.snapshots = new SnapshotWriter(this.database, logger)
    this.metrics = createStoreMetrics(schema, () => this.log.head())
    this.appends = new AppendQueue(this.database, {
      maxQueued: options.maxQueuedAppends ?? 10_000,
      maxGroupEvents: options.maxGroupEvents ?? 1000,
      lockTimeoutMs: 50,
      retryForMs: this.retryForMs,
      onStored: () => this.wakeup.appended(),
      seal: (part) => this.vault.seal(part),
      onSent: (appends) => this.metrics?.groupSent(appends),
    })
    this.sendAppend = observeAppends((part, signal) => this.appends.append(part, signal), this.metrics)
    // An idle connection that breaks must not end the program: the pool replaces it at the next use.
    pool.on('error', this.onPoolError)
  }

  private readonly onPoolError = (error: Error) => this.logger.debug({ err: error }, 'an idle connection broke')

  /**
   * Appends events of an aggregate to one of its streams, all or nothing; the data is checked against the aggregate's schemas.
   *
   * An empty array returns without a query, so the version is not checked. Safe to call again with the same event ids: the
   * first outcome is returned. Single appends of a process travel in groups.
   *
   * @throws {InvalidEventError} @throws {VersionConflictError} @throws {EventIdConflictError} @throws {EventTooLargeError}
   * @throws {OverloadedError} @throws {OutcomeUnknownError} @throws {DatabaseError}
   *
   * @example
   * await store.append(Counter, 'c-1', [{ type: 'Added', data: { amount: 1 } }], { expectedVersion: 'no-stream' })
   */
  append<A extends AnyAggregate>(
    aggregate: A,
    aggregateId: string,
    events: readonly EventToAppend<A['events']>[],
    options: AppendOptions,
  ): Promise<AppendResult> {
    return this.appendSerialized(() => streamIdOf(aggregate.name, aggregateId), events, aggregate, options)
  }

  /** Appends events to a stream by its full id, `category-id`; their data must be JSON, and is checked against no schema. */
  appendToStream(streamId: string, events: readonly NewEvent[], options: AppendOptions): Promise<AppendResult> {
    return this.appendSerialized(() => checkStreamId(streamId), events, undefined, options)
  }

  /**
   * Appends to several streams, each with its own expectation: all of it is stored, or nothing.
   *
   * A part without events only checks its stream; until this append commits nobody else's append to that stream does, so two appends
   * that check each other's stream cannot both succeed. Safe to call again with the same event ids. Results come in the order of the parts.
   *
   * @throws what {@link EventStore.append} throws; a conflict leaves the caller's own transaction usable.
   *
   * @example
   * await store.appendToStreams([
   *   partOf(Counter, 'from', [{ type: 'Added', data: { amount: -5 } }], 3n),
   *   partOf(Counter, 'to', [{ type: 'Added', data: { amount: 5 } }], 'stream-exists'),
   * ])
   */
  async appendToStreams(
    streams: readonly StreamPart[],
    { transaction }: Pick<AppendOptions, 'transaction'> = {},
  ): Promise<readonly AppendResult[]> {
    let parts = streams.map(({ streamId, expectedVersion, events, aggregate }): StreamAppend => {
      const checked = checkStreamId(streamId)
      return {
        streamId: checked,
        expected: encodeExpectedVersion(expectedVersion),
        events: events.map((event) => this.serialize(checked, event, aggregate)),
      }
    })
    if (new Set(parts.map(({ streamId }) => streamId)).size < parts.length) {
      throw new ConfigurationError('a stream stands twice in one append: put all of its events into one part')
    }
    checkDistinctIds(parts.flatMap(({ events }) => events))
    if (parts.every(({ events }) => events.length === 0)) return parts.map(({ streamId }) => nothingAppended(streamId))
    if (parts.some(hasPersonalPart)) parts = await this.vault.sealAll(parts, transaction)
    if (transaction) return appendToStreamsInTransaction(this.database, transaction, parts)
    const results = await appendToStreams(this.database, this.pool, parts, this.retryForMs)
    this.wakeup.appended()
    return results
  }

  private readonly serialize = (streamId: string, event: NewEvent, aggregate: AnyAggregate | undefined) =>
    serializeEvent(streamId, withTraceparent(event), aggregate, {
      generateId: this.generateId,
      maxEventBytes: this.maxEventBytes,
      ...(this.clock && { recordedAt: this.clock().toISOString() }),
    })

  private async appendSerialized(
    streamIdOf: () => string,
    events: readonly NewEvent[],
    aggregate: AnyAggregate | undefined,
    { expectedVersion, transaction, signal }: AppendOptions,
  ): Promise<AppendResult> {
    const streamId = streamIdOf()
    const expected = encodeExpectedVersion(expectedVersion)
    const part: StreamAppend = {
      streamId,
      expected,
      events: events.map((event) => this.serialize(streamId, event, aggregate)),
    }
    checkDistinctIds(part.events)
    if (events.length === 0) return nothingAppended(streamId)
    if (!transaction) return this.sendAppend(part, signal)
    return appendInTransaction(this.database, transaction, await this.vault.seal(part, transaction))
  }

  /**
   * Loads an aggregate: the newest usable snapshot, then the events after it.
   *
   * An aggregate without events has its initial state and version 0. `atVersion` gives it as it was at that version, `at` as it was at a
   * time of the database's clock (its milliseconds are rounded down, so an event of the same millisecond may be left out).
   *
   * @throws {UnknownEventError} an event is of a type or schema version that this code does not know.
   * @throws {StreamTruncatedError} events that the state needs were truncated.
   */
  async load<A extends AnyAggregate>(
    aggregate: A,
    aggregateId: string,
    options: LoadOptions = {},
  ): Promise<Loaded<StateOf<A>>> {
    const { state, version, position, snapshotVersion, eventsRead } = await observeLoad(
      aggregate,
      aggregateId,
      async () => {
        const toVersion =
          options.at === undefined
            ? (options.atVersion ?? newestVersion)
            : await versionAt(this.database, streamIdOf(aggregate.name, aggregateId), options.at)
        return loadAggregate({ database: this.database, vault: this.vault }, aggregate, aggregateId, toVersion)
      },
    )
    return { state, version, position, snapshotVersion, eventsRead }
  }

  /**
   * Executes a command: loads, decides, appends.
   *
   * When another writer was faster and no `expectedVersion` was demanded, it reads what is new and decides again, with growing
   * pauses. With a `commandId` the same command again returns its first outcome and decides nothing; a command without events
   * is not remembered.
   *
   * @throws {CommandRejectedError} @throws {InvalidCommandError} @throws {UnknownCommandError} @throws {VersionConflictError}
   * and what {@link EventStore.append} throws.
   */
  async execute<A extends AnyAggregate, Name extends CommandName<A>>(
    aggregate: A,
    aggregateId: string,
    command: Name,
    input: CommandInput<A, Name>,
    options: ExecuteOptions = {},
  ): Promise<ExecuteResult<StateOf<A>>> {
    const context = {
      database: this.database,
      vault: this.vault,
      generateId: this.generateId,
      serialize: this.serialize,
      append: this.sendAppend,
    }
    const { result, standing } = await observeExecute(aggregate, aggregateId, command, () =>
      executeCommand(context, aggregate, aggregateId, command, input, options),
    )
    if (result.events.length > 0) this.snapshots.offer(aggregate, result.streamId, standing, result.events.length)
    return result
  }

  /** Reads a part of one stream; data as stored, not upcast. An unknown stream is empty. */
  async readStream(streamId: string, options: ReadStreamOptions = {}): Promise<RecordedEvent[]> {
    const { fromVersion = 1n, toVersion = newestVersion, limit = 1000, direction = 'forwards' } = options
    return selectStream(this.database, streamId, { fromVersion, toVersion, limit, direction })
  }

  /**
   * Walks through a stream event by event, all of it unless said; the next page is read while one is consumed.
   *
   * `limit` is the number of events that are read at once here.
   *
   * @example
   * for await (const event of store.walkStream('order-o-42', { direction: 'backwards' })) console.log(event.version, event.type)
   */
  walkStream(streamId: string, options: ReadStreamOptions = {}): AsyncIterable<RecordedEvent> {
    return walkStream(this.database, streamId, options)
  }

  /**
   * Walks through the log in order, up to the safe head; filtered in Postgres.
   *
   * @example
   * for await (const event of store.walkLog({ types: ['OrderCancelled'] })) console.log(event.position, event.streamId)
   */
  walkLog(options: WalkLogOptions = {}): AsyncIterable<RecordedEvent> {
    return walkLog(this.log, options)
  }

  /** How far the log may be read now, and which backend holds it back. */
  head(): Promise<Head> {
    return this.log.head()
  }

  /**
   * Starts a durable subscription with a checkpoint of its own.
   *
   * It runs until it is stopped or the store is closed. One process at a time has it; another takes over when the lease ends.
   */
  subscribe(options: Omit<SubscriptionOptions, 'owner' | 'logger'> & { readonly owner?: string }): Subscription {
    this.wakeup.start()
    const subscription = new Subscription(this.log, this.database, {
      owner: randomUUID(),
      logger: this.logger,
      ...options,
      handle: observeBatches(options.name, options.handle, this.metrics),
    })
    this.subscriptions.add(subscription)
    void subscription.ended.then(() => {
      this.subscriptions.delete(subscription)
      this.metrics?.subscriptionEnded(options.name)
    })
    return subscription
  }

  /** Tells subscriptions, here and in other processes, that a caller's own transaction with appends was committed. */
  notifyAppended(): void {
    this.wakeup.appended()
  }

  /** Starts to wake those who follow the log without a subscription of this store. */
  startWakeup(): void {
    this.wakeup.start()
  }

  /** Waits until the snapshots of earlier commands are written. */
  flushSnapshots(): Promise<void> {
    return this.snapshots.flush()
  }

  /** Ends the subscriptions, lets accepted appends and snapshots finish, and lets go of the pool, which stays open. */
  async close(): Promise<void> {
    await Promise.all([...this.subscriptions].map((subscription) => subscription.stop()))
    await this.appends.close()
    await this.snapshots.flush()
    await this.wakeup.close()
    this.metrics?.close()
    this.pool.off('error', this.onPoolError)
  }
}

function nothingAppended(streamId: string): AppendResult {
  return { streamId, version: 0n, position: 0n, events: [], duplicate: false }
}
