import { randomUUID } from 'node:crypto'
import type { Pool } from 'pg'
import { databaseOf, on, type Queryable } from './database.js'
import type { AnyAggregate } from './define-aggregate.js'
import type { EventStoreOptions, WalkLogOptions } from './event-store-options.js'
import type { EventStorePort } from './event-store-port.js'
import type { RecordedEvent } from './event.js'
import { LeaseKeeper } from './lease-keeper.js'
import { silentLogger, type Logger } from './logger.js'
import type { LogSource } from './log-source.js'
import { beginNewEpoch, type NewEpoch, type NewEpochOptions } from './new-epoch.js'
import { PostgresLog } from './postgres-log.js'
import { selectEventsAt } from './sql/select-events-at.js'
import type { Head } from './sql/select-head.js'
import { StreamStore, type StreamContext } from './stream-store.js'
import { Subscription, type SubscriptionOptions } from './subscription.js'
import { observeBatches } from './telemetry/observe.js'
import { createStoreMetrics, type StoreMetrics } from './telemetry/store-metrics.js'
import { Tenancy } from './tenancy.js'
import { TenantStores, type TenantStore } from './tenant-store.js'
import { isBehindPooler } from './transaction-pooler.js'
import { Wakeup } from './wakeup.js'
import { walkLog } from './walk.js'

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

/** What a subscription works with: the log, and the database of its checkpoint. */
export type SubscriptionPlace = Pick<EventStore, 'log' | 'database' | 'leases'>

/** The whole store: its streams, and its log with all that follows it. */
export class EventStore extends StreamStore implements EventStorePort {
  /** The log, for subscriptions of any kind. */
  readonly log: LogSource & Required<Pick<LogSource, 'verify'>>
  /** Renews the leases of this process; for packages that build on the store. */
  readonly leases: LeaseKeeper
  private readonly tenants: TenantStores
  private readonly wakeup: Wakeup
  private readonly logger: Logger
  private readonly metrics: StoreMetrics | undefined
  private readonly subscriptions = new Set<Subscription>()

  /** @internal Use {@link createEventStore}. */
  constructor(pool: Pool, options: EventStoreOptions) {
    const { logger = silentLogger, listen = isBehindPooler(pool) ? false : pool.options } = options
    const database = databaseOf(pool, options)
    const tenancy = new Tenancy(database)
    const wakeup = new Wakeup(database, {
      pollIntervalMs: options.pollIntervalMs ?? 200,
      listen: listen === false ? undefined : { connection: listen, heartbeatMs: 10_000 },
      logger,
    })
    const log = new PostgresLog(database, wakeup, tenancy)
    const metrics = createStoreMetrics(database.schema, () => log.head())
    const onStored = () => wakeup.appended()
    const context: StreamContext = { pool, database, tenancy, options, logger, metrics, onStored }
    super(context)
    this.log = log
    this.leases = new LeaseKeeper(database, logger)
    this.wakeup = wakeup
    this.logger = logger
    this.metrics = metrics
    this.tenants = new TenantStores(context)
    // An idle connection that breaks must not end the program: the pool replaces it at the next use.
    pool.on('error', this.onPoolError)
  }

  private readonly onPoolError = (error: Error) => this.logger.debug({ err: error }, 'an idle connection broke')

  /**
   * The streams of one tenant, in a store that was migrated with tenancy; the same tenant has the same store while it is in use.
   *
   * The database keeps tenants apart by row-level security, so the pool's role must be bound by it: no superuser, and no projector, which reads the log
   * of all. Subscriptions are made on the whole store; their events say whose they are.
   *
   * @throws {ConfigurationError} the name is not usable. Its methods throw {TenancyError} where tenants cannot be kept apart.
   *
   * @example
   * const acme = store.forTenant('acme')
   * await acme.execute(Counter, 'c-1', 'add', { amount: 1 })
   */
  forTenant(tenant: string): TenantStore {
    return this.tenants.get(tenant)
  }

  /** The same for the events of several tenants, each with the keys of its own. */
  override async reveal(
    aggregates: readonly AnyAggregate[],
    events: readonly RecordedEvent[],
    queryable: Queryable = this.pool,
  ): Promise<readonly RecordedEvent[]> {
    if (events[0]?.tenant === undefined) return super.reveal(aggregates, events, queryable)
    return this.tenants.reveal(aggregates, events, queryable)
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

  /**
   * Reads the events at given positions, in the order of the log; data as stored. Positions that have no event are left out.
   *
   * `queryable` is the transaction that the read joins. The positions must be at or below a safe head.
   *
   * @example
   * const [first] = await store.readEventsAt([1n])
   */
  async readEventsAt(
    positions: readonly bigint[],
    queryable: Queryable = this.pool,
  ): Promise<readonly RecordedEvent[]> {
    if (positions.length === 0) return []
    return selectEventsAt(on(this.database, queryable), positions, await this.tenancy.enabled(queryable))
  }

  /** How far the log may be read now, and which backend holds it back. */
  head(): Promise<Head> {
    return this.log.head()
  }

  /**
   * Starts a durable subscription with a checkpoint of its own.
   *
   * It runs until it is stopped or the store is closed. One process at a time has it; another takes over when the lease ends. `place` is for packages
   * whose checkpoints are in another database than the log.
   */
  subscribe(
    options: Omit<SubscriptionOptions, 'owner' | 'logger'> & { readonly owner?: string },
    place: SubscriptionPlace = this,
  ): Subscription {
    this.wakeup.start()
    const subscription = new Subscription(place.log, place.database, place.leases, {
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

  /** Starts to wake those who follow the log without a subscription of this store. */
  startWakeup(): void {
    this.wakeup.start()
  }

  /**
   * Makes sure that nothing can be lost here: positions are given out as the safe head needs it, and the log is the one that it was.
   *
   * Subscriptions do it by themselves; programs that only append or read call it when they start. It costs two queries. After a promotion or a restore
   * it compares every checkpoint with the log: when all fit, the epoch stays.
   *
   * @throws {StoreCorruptError} the sequence or the fence is not as it must be. @throws {LogRestoredError} a checkpoint does not fit the log.
   */
  verifyEpoch(): Promise<void> {
    return this.log.verify()
  }

  /**
   * Begins a new epoch after the log was restored to an earlier point: consistency tokens of the old one are refused from then on.
   *
   * Checkpoints that fit the log stay. Those that do not are moved back to `rewindTo`; without it nothing is done. Run it while no writer and no
   * subscriber runs, as the owner of the schema.
   *
   * @throws {LogRestoredError} checkpoints do not fit, and `rewindTo` is missing. @throws {ConfigurationError} it is past the end of the log.
   *
   * @example
   * const { epoch, rewound } = await store.newEpoch({ reason: 'restored to 12:03 after a bad deploy', rewindTo: 48_120n })
   */
  newEpoch(options: NewEpochOptions): Promise<NewEpoch> {
    return beginNewEpoch(this.database, this.pool, this.log, options)
  }

  /** Ends the subscriptions, lets accepted appends and snapshots finish, and lets go of the pool, which stays open. */
  async close(): Promise<void> {
    await Promise.all([...this.subscriptions].map((subscription) => subscription.stop()))
    this.leases.close()
    await this.drain()
    await this.tenants.close()
    await this.wakeup.close()
    this.metrics?.close()
    this.pool.off('error', this.onPoolError)
  }
}
