import { CheckpointBalance, silentLogger, type Logger, type Operable } from '@tidemark/eventstore'
import type { AnyProjection } from './any-projection.js'
import type { Projection } from './define-projection.js'
import { ProjectionDefinitionError, UnknownProjectionError } from './errors.js'
import { ownerName } from './owner-name.js'
import { PositionWaiter, type WaitOptions, type WaitResult } from './position-waiter.js'
import { ProjectionRunner } from './projection-runner.js'
import { progressQueryOf, type ProjectionStatus } from './projection-status.js'
import { ProjectorStatus } from './projector-status.js'
import { selectTables } from './sql/registry-statements.js'
import { Auditor, checkAudit, type AuditOptions } from './verify/audit.js'
import { createProjectionMetrics, type ProjectionMetrics } from './telemetry/projection-metrics.js'
import type { ProjectionStore } from './projection-store.js'

export interface ProjectorOptions {
  /** Events per transaction at most; 2,000 unless said. */
  readonly batchSize?: number
  /** How long another process waits before it takes over from one that died; 10,000 ms unless said. */
  readonly leaseMs?: number
  /** How often it looks whether a rebuilt table was switched in; 500 ms unless said. */
  readonly watchIntervalMs?: number
  /**
   * Folds rows of the live tables again in the background and reports those that are not what the log says: by a warning, a figure, and in the status.
   * The process that has the first shard of a read model does it. Not done unless given.
   */
  readonly audit?: AuditOptions
  readonly logger?: Logger
}

/** Keeps read models up to date, and runs handlers. */
export interface Projector {
  /** What it runs, to be looked at; the same whether it is started or not. */
  readonly operables: readonly Operable[]
  /**
   * Makes tables that are missing and starts to follow the log; a second call does nothing.
   *
   * @throws {SchemaChangedError} a table does not fit its definition; nothing was started.
   */
  start(): Promise<void>
  /** Lets the batches in work finish, and gives the leases back. */
  stop(): Promise<void>
  /**
   * Waits until a projection has reached a position, whichever process runs it.
   *
   * @throws {UnknownProjectionError}
   */
  waitFor(name: string, position: bigint, options: WaitOptions): Promise<WaitResult>
  /** How each projection is getting on; where the database does not answer, what was seen last, with the `stall` that says so. */
  status(): Promise<ProjectionStatus[]>
}

/**
 * Makes a projector: each projection follows the log by itself, its rows and its checkpoint in one transaction.
 *
 * Any number of processes may run the same projections: they share the shards out among them, each in one process at a time, and the others take
 * over from one that dies. Stop it before the store is closed.
 *
 * @throws {ProjectionDefinitionError} two projections have one name.
 *
 * @example
 * const projector = createProjector(store, [orderSummary])
 * await projector.start()
 * const { position } = await store.execute(Order, 'o-42', 'place', input)
 * await projector.waitFor('order-summary', position, { timeoutMs: 1000 })
 */
export function createProjector(
  store: ProjectionStore,
  projections: readonly AnyProjection[],
  options: ProjectorOptions = {},
): Projector {
  return new RunningProjector(store, projections, options)
}

class RunningProjector implements Projector {
  readonly operables: readonly Operable[]
  private readonly runners: readonly ProjectionRunner[]
  private readonly waiter: PositionWaiter
  private readonly balance: CheckpointBalance
  private readonly statuses: ProjectorStatus
  private readonly metrics: ProjectionMetrics | undefined
  private readonly owner = ownerName()
  private readonly leaseMs: number
  private readonly logger: Logger
  private readonly watchIntervalMs: number
  private readonly audit: AuditOptions | undefined
  private auditor: Auditor | undefined
  private starting: Promise<void> | undefined
  private watch: NodeJS.Timeout | undefined
  private watching: Promise<void> | undefined

  constructor(
    private readonly store: ProjectionStore,
    private readonly projections: readonly AnyProjection[],
    { batchSize = 2000, leaseMs = 10_000, watchIntervalMs = 500, audit, logger = silentLogger }: ProjectorOptions,
  ) {
    if (audit) checkAudit(this.readModels, audit)
    this.audit = audit
    const twice = projections.find(({ name }, index) => projections.findIndex((other) => other.name === name) < index)
    if (twice) throw new ProjectionDefinitionError(twice.name, 'there is another one of the same name')
    this.logger = logger
    this.leaseMs = leaseMs
    this.watchIntervalMs = watchIntervalMs
    const { readModels, handlers } = progressQueryOf(projections)
    const failedHere = (name: string) => this.runnerOf(name)?.hasFailed === true
    this.waiter = new PositionWaiter(
      store.database,
      readModels,
      handlers,
      failedHere,
      logger,
      store.logDatabase && (() => store.log.epoch()),
    )
    this.balance = new CheckpointBalance(() => this.runners.flatMap(({ subscriptions }) => subscriptions), leaseMs)
    this.statuses = new ProjectorStatus(
      store,
      (name) => this.runnerOf(name),
      (name) => this.auditor?.of(name),
    )
    this.metrics = createProjectionMetrics(store.database.schema, () => this.statuses.look(projections))
    const runnerOptions = {
      ...{ owner: this.owner, batchSize, leaseMs, logger, metrics: this.metrics },
      mayTake: (checkpoint: string, waitedMs: number) => this.balance.mayTake(checkpoint, waitedMs),
      onAdvance: (name: string) => this.waiter.moved(name),
    }
    this.runners = projections.map((projection) => new ProjectionRunner(store, projection, runnerOptions))
    this.operables = projections.map((projection) => ({
      kind: 'projection',
      name: projection.name,
      status: async () => {
        const [status] = await this.statuses.of([projection])
        if (!status) throw new UnknownProjectionError(projection.name, [])
        return status
      },
    }))
  }

  start(): Promise<void> {
    return (this.starting ??= this.startAll().catch((error: unknown) => {
      this.starting = undefined
      throw error
    }))
  }

  private async startAll(): Promise<void> {
    // All of them first, so that one that cannot start leaves none running.
    for (const runner of this.runners) await runner.prepare()
    await this.refresh()
    this.watch = setInterval(() => {
      this.watching ??= this.followSwitches().finally(() => (this.watching = undefined))
    }, this.watchIntervalMs)
    this.watch.unref()
    this.metrics?.open()
    const leads = (name: string) => this.runnerOf(name)?.leads === true
    const { audit, logger, metrics } = this
    if (audit) this.auditor = new Auditor(this.store, this.readModels, { ...audit, logger, metrics, leads })
  }

  async stop(): Promise<void> {
    await this.starting?.catch(() => undefined)
    clearInterval(this.watch)
    this.metrics?.close()
    await this.auditor?.stop()
    this.auditor = undefined
    await this.watching
    await this.store.leases.leave(this.owner)
    await Promise.all(this.runners.map((runner) => runner.stop()))
    await this.store.noteProgress?.('now').catch(() => undefined)
    this.waiter.close()
    this.starting = undefined
  }

  async waitFor(name: string, position: bigint, options: WaitOptions): Promise<WaitResult> {
    if (!this.runnerOf(name)) {
      const known = this.projections.map((projection) => projection.name)
      throw new UnknownProjectionError(name, known)
    }
    return this.waiter.wait(name, position, options)
  }

  status(): Promise<ProjectionStatus[]> {
    return this.statuses.of(this.projections)
  }

  private get readModels(): readonly Projection[] {
    return this.projections.filter((projection) => projection.kind === 'read-model')
  }

  private runnerOf(name: string): ProjectionRunner | undefined {
    return this.runners.find(({ projection }) => projection.name === name)
  }

  /** Tables come and go by rebuilds, promotes and rollbacks, here and elsewhere. */
  private async followSwitches(): Promise<void> {
    try {
      await this.refresh()
    } catch (error) {
      this.logger.warn({ err: error }, 'the tables of the projections could not be looked up; tried again soon')
    }
  }

  private async refresh(): Promise<void> {
    const names = this.projections.filter(({ kind }) => kind === 'read-model').map(({ name }) => name)
    const tables = names.length === 0 ? [] : await selectTables(this.store.database, names)
    await this.store.noteProgress?.('sometimes')
    const before = this.balance.wanted.join()
    for (const runner of this.runners) await runner.refresh(tables)
    this.statuses.sample(this.projections, tables)
    if (this.balance.wanted.join() === before) return
    await this.store.leases.share({
      ...{ owner: this.owner, checkpoints: this.balance.wanted, leaseMs: this.leaseMs },
      onOthers: (others) => this.balance.rebalance(others),
    })
  }
}
