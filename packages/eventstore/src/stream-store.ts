import type { Pool } from 'pg'
import type { AppendResult } from './append-outcome.js'
import { AppendQueue } from './append-queue.js'
import { appendToStreams, appendToStreamsInTransaction } from './append-to-streams.js'
import { appendInTransaction } from './append-transaction.js'
import type { Database, Queryable } from './database.js'
import { checkDistinctIds } from './distinct-event-ids.js'
import type { AnyAggregate, CommandInput, CommandName, EventToAppend, StateOf } from './define-aggregate.js'
import { ConfigurationError } from './errors.js'
import type {
  AppendOptions,
  EventStoreOptions,
  LoadOptions,
  ReadStreamOptions,
  StreamPart,
} from './event-store-options.js'
import type { StreamStorePort } from './event-store-port.js'
import type { NewEvent, RecordedEvent } from './event.js'
import { executeCommand, type ExecuteOptions, type ExecuteResult } from './execute-command.js'
import { encodeExpectedVersion } from './expected-version.js'
import { generateId } from './generate-id.js'
import { insertGroup } from './insert-group.js'
import { isConcerned, type EffectsOfStore } from './inline-effects.js'
import { loadAggregate, newestVersion, versionAt, type LoadContext, type Loaded } from './load-aggregate.js'
import type { Logger } from './logger.js'
import { keyStoreOfTenant } from './personal-data/key-store-of-tenant.js'
import { hasPersonalPart } from './personal-data/personal-events.js'
import { Vault } from './personal-data/vault.js'
import { serializeEvent } from './serialize-event.js'
import { SnapshotWriter } from './snapshot-writer.js'
import type { StreamAppend } from './sql/insert-events.js'
import { selectStream } from './sql/select-stream.js'
import { checkStreamId, streamIdOf } from './stream-id.js'
import { StreamTurns } from './stream-turns.js'
import { StreamUpkeep } from './stream-upkeep.js'
import { observeAppends, observeExecute, observeLoad } from './telemetry/observe.js'
import type { StoreMetrics } from './telemetry/store-metrics.js'
import { withTraceparent } from './telemetry/traced.js'
import type { Tenancy } from './tenancy.js'
import { walkStream } from './walk.js'

/** What the streams of a store have in common, whosever they are. */
export interface StreamContext {
  readonly pool: Pool
  readonly database: Database
  readonly tenancy: Tenancy
  readonly options: EventStoreOptions
  readonly logger: Logger
  readonly metrics: StoreMetrics | undefined
  /** Called after events were stored. */
  readonly onStored: () => void
}

/** The streams of a store, or those of one tenant: `store.forTenant(…)` gives one of these. */
export class StreamStore extends StreamUpkeep implements StreamStorePort {
  readonly pool: Pool
  /** Where the statements go; for packages that build on the store. */
  readonly database: Database
  protected readonly vault: Vault
  protected readonly tenancy: Tenancy
  private readonly appends: AppendQueue
  private readonly snapshots: SnapshotWriter
  private readonly effects: EffectsOfStore | undefined
  private readonly onStored: () => void
  private readonly generateId: () => string
  private readonly clock: (() => Date) | undefined
  private readonly maxEventBytes: number
  private readonly retryForMs: number
  private readonly onSnapshotIgnored: LoadContext['onSnapshotIgnored']
  private readonly sendAppend: ReturnType<typeof observeAppends>
  private readonly turns = new StreamTurns()
  private admitted = false

  /** @internal Use `createEventStore`, and `forTenant` of what it returns. */
  constructor({ pool, database, tenancy, options, logger, metrics, onStored }: StreamContext) {
    super()
    this.pool = pool
    this.database = database
    this.tenancy = tenancy
    this.onStored = onStored
    const { clock } = options
    this.clock = clock
    this.generateId = options.generateId ?? (() => generateId(clock?.()))
    this.retryForMs = options.retryForMs ?? 15_000
    this.maxEventBytes = options.maxEventBytes ?? 1024 * 1024
    this.onSnapshotIgnored = (ignored) => {
      metrics?.snapshotIgnored(ignored.reason)
      // Another version is what every deployment of a changed state meets.
      const level = ignored.reason === 'other-version' ? 'debug' : 'warn'
      logger[level](ignored, 'a snapshot was ignored; the whole stream was folded')
    }
    this.vault = new Vault(database, keyStoreOfTenant(options.personalData, database.tenant))
    this.snapshots = new SnapshotWriter(database, logger, clock ?? (() => new Date()))
    this.effects = options.inline?.attach(this)
    this.appends = new AppendQueue(database, {
      maxQueued: options.maxQueuedAppends ?? 10_000,
      maxGroupEvents: options.maxGroupEvents ?? 1000,
      retryForMs: this.retryForMs,
      onStored,
      insert: (parts) => insertGroup(database, pool, this.effects, parts),
      seal: (part) => this.vault.seal(part),
      onSent: (appends) => metrics?.groupSent(appends),
    })
    this.sendAppend = observeAppends((part, signal) => this.enqueue(part, signal), metrics)
  }

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
   * @throws what {@link StreamStore.append} throws; a conflict leaves the caller's own transaction usable.
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
    // Without a tenant there is no need to look: where streams belong to tenants, the database refuses the append.
    if (this.database.tenant !== undefined) await this.admit(transaction)
    if (parts.some(hasPersonalPart)) parts = await this.vault.sealAll(parts, transaction)
    if (parts.some((part) => isConcerned(this.effects, part)))
      await this.effects?.prepare({ withinTransaction: transaction !== undefined })
    if (transaction) return appendToStreamsInTransaction(this.database, transaction, parts, this.effects)
    const results = await appendToStreams(this.database, this.pool, parts, this.retryForMs, this.effects)
    this.onStored()
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
    // Without a tenant there is no need to look: where streams belong to tenants, the database refuses the append.
    if (this.database.tenant !== undefined) await this.admit(transaction)
    if (!transaction) return this.sendAppend(part, signal)
    if (isConcerned(this.effects, part)) await this.effects.prepare({ withinTransaction: true })
    return appendInTransaction(this.database, transaction, await this.vault.seal(part, transaction), this.effects)
  }

  private enqueue(part: StreamAppend, signal: AbortSignal | undefined): Promise<AppendResult> {
    if (!isConcerned(this.effects, part)) return this.appends.append(part, signal)
    return this.effects.prepare({ withinTransaction: false }).then(() => this.appends.append(part, signal))
  }

  /**
   * Makes ready what appends keep up to date inline, which the first append does otherwise; nothing without the option `inline`.
   *
   * Read models that are new, or were followed by a projector, are built from the log meanwhile, and appends that they are about wait for that. So a
   * program calls it before it takes requests.
   *
   * @throws whatever speaks against it, as every append would that is concerned.
   */
  async prepare(): Promise<void> {
    await this.effects?.prepare({ withinTransaction: false })
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
        await this.admit()
        const toVersion =
          options.at === undefined
            ? (options.atVersion ?? newestVersion)
            : await versionAt(this.database, streamIdOf(aggregate.name, aggregateId), options.at)
        return loadAggregate(this.loadContext, aggregate, aggregateId, toVersion)
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
   * and what {@link StreamStore.append} throws.
   */
  async execute<A extends AnyAggregate, Name extends CommandName<A>>(
    aggregate: A,
    aggregateId: string,
    command: Name,
    input: CommandInput<A, Name>,
    options: ExecuteOptions = {},
  ): Promise<ExecuteResult<StateOf<A>>> {
    await this.admit()
    const context = {
      ...this.loadContext,
      generateId: this.generateId,
      serialize: this.serialize,
      append: this.sendAppend,
      turns: this.turns,
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
    await this.admit()
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
    return walkStream(this.database, streamId, options, () => this.admit())
  }

  /** Tells subscriptions, here and in other processes, that a caller's own transaction with appends was committed. */
  notifyAppended(): void {
    this.onStored()
  }

  private get loadContext(): LoadContext {
    return { database: this.database, vault: this.vault, onSnapshotIgnored: this.onSnapshotIgnored }
  }

  /**
   * @internal Makes sure that streams can be told apart here; once they can, nothing is asked any more.
   *
   * @throws {TenantRequiredError} @throws {TenancyError}
   */
  async admit(transaction?: Queryable): Promise<void> {
    if (this.admitted) return
    await this.tenancy.admit(this.database.tenant, transaction)
    this.admitted = true
  }

  /** Waits until the snapshots of earlier commands are written. */
  flushSnapshots(): Promise<void> {
    return this.snapshots.flush()
  }

  /** Lets accepted appends and snapshots finish, and refuses new appends. */
  protected async drain(): Promise<void> {
    await this.appends.close()
    await this.snapshots.flush()
  }
}

function nothingAppended(streamId: string): AppendResult {
  return { streamId, version: 0n, position: 0n, events: [], duplicate: false }
}
