import { inTransaction, on, type SubscriptionState } from '@tidemark/eventstore'
import type { AnyProjection } from './any-projection.js'
import type { ProjectionHandler } from './define-handler.js'
import { VersionNotLiveError } from './errors.js'
import { HandlerEffects } from './handler-effects.js'
import { checkpointNameOf, handlerIdOf, shardsOf } from './names.js'
import { HandlerBatches } from './poison/handler-batches.js'
import { ReadModelTable } from './read-model-table.js'
import { filterOf } from './shard.js'
import { selectErrorFree } from './sql/select-error-free.js'
import type { RegisteredTable } from './sql/registry-statements.js'
import { TableFollower, type Followed, type FollowerOptions } from './table-follower.js'
import { ensureLiveTable, refuseTenants } from './table-lifecycle.js'
import { observeFollowed } from './telemetry/observe-followed.js'
import type { ProjectionMetrics } from './telemetry/projection-metrics.js'
import { logDatabaseFor, type ProjectionStore } from './projection-store.js'

export interface RunnerOptions extends FollowerOptions {
  /** Called after each commit. */
  readonly onAdvance: (name: string) => void
  readonly metrics?: ProjectionMetrics | undefined
}

/** What a process does with a projection now. */
export interface RunnerProgress {
  readonly state: SubscriptionState
  /** Why it does not get on. */
  readonly error: string | undefined
  /** What was thrown. */
  readonly cause: unknown
}

/**
 * Runs one projection: its live table, and beside it those of its version that wait to be promoted or were live before.
 *
 * A handler has no table, and one checkpoint.
 */
export class ProjectionRunner {
  private readonly followers = new Map<string, TableFollower>()
  private resting: VersionNotLiveError | undefined
  private live: ReadonlySet<string> = new Set()

  constructor(
    private readonly store: ProjectionStore,
    readonly projection: AnyProjection,
    private readonly options: RunnerOptions,
  ) {}

  /**
   * Finds or makes the live table.
   *
   * @throws {SchemaChangedError} the table has other columns than the definition.
   */
  async prepare(): Promise<void> {
    const { projection, store } = this
    if (projection.kind === 'handler') return
    await refuseTenants(logDatabaseFor(store, store.database), projection)
    try {
      const live = await inTransaction(store.pool, (client) => ensureLiveTable(on(store.database, client), projection))
      if (live.inline)
        this.options.logger.info({ projection: projection.name }, 'appends keep a projection, which is not followed')
      if (live.fedBy !== undefined)
        this.options.logger.info(
          { projection: projection.name, group: live.fedBy },
          'a consumer group feeds a projection, which is not followed',
        )
    } catch (error) {
      if (!(error instanceof VersionNotLiveError)) throw error
      this.options.logger.warn({ err: error }, 'a projection rests')
    }
  }

  /** Starts to follow what is there to follow, and stops what is not there any more. */
  async refresh(tables: readonly RegisteredTable[]): Promise<void> {
    const wanted = new Map(this.wantedOf(tables).map((followed) => [followed.checkpoint, followed]))
    const resumed = await this.resumedOf([...this.followers.values()].filter(({ hasFailed }) => hasFailed))
    for (const [checkpoint, follower] of this.followers) {
      if (wanted.has(checkpoint) && !resumed.has(checkpoint)) continue
      this.followers.delete(checkpoint)
      await follower.stop()
    }
    for (const [checkpoint, followed] of wanted) {
      if (this.followers.has(checkpoint)) continue
      const observed = observeFollowed(this.projection.name, followed, this.options.metrics)
      this.followers.set(checkpoint, new TableFollower(this.store, observed, this.options))
    }
  }

  /** Those of failed followers that somebody wants to go on. */
  private async resumedOf(failed: readonly TableFollower[]): Promise<ReadonlySet<string>> {
    if (failed.length === 0) return new Set()
    return selectErrorFree(
      this.store.database,
      failed.map(({ checkpoint }) => checkpoint),
    )
  }

  /** Lets the batches in work finish, and ends. */
  async stop(): Promise<void> {
    await Promise.all([...this.followers.values()].map((follower) => follower.stop()))
    this.followers.clear()
  }

  get subscriptions(): readonly TableFollower[] {
    return [...this.followers.values()]
  }

  /** What it does now, and why it does not get on; undefined when it was not started. */
  get progress(): RunnerProgress | undefined {
    if (this.resting) return { state: 'failed', error: this.resting.message, cause: this.resting }
    const subscriptions = this.serving.map(({ subscription }) => subscription)
    const worst = worstFirst.map((state) => subscriptions.find((each) => each.state === state)).find(Boolean)
    if (!worst) return undefined
    const { state, lastError } = worst
    if (state !== 'retrying' && state !== 'failed') return { state, error: undefined, cause: undefined }
    return { state, error: lastError instanceof Error ? lastError.message : String(lastError), cause: lastError }
  }

  /** Where the part is that this process has and that is furthest behind; undefined when it has none. */
  get position(): bigint | undefined {
    const positions = this.serving.flatMap(({ subscription }) => subscription.position ?? [])
    return positions.reduce<bigint | undefined>((least, position) => {
      return least === undefined || position < least ? position : least
    }, undefined)
  }

  /** Whether this process has the first shard of the live table, which one process has at a time. */
  get leads(): boolean {
    const [first] = this.live
    return this.serving.some(({ checkpoint, subscription }) => checkpoint === first && subscription.state === 'running')
  }

  /** Whether it stopped for good, on an event or a log that this code cannot go on with. */
  get hasFailed(): boolean {
    return this.serving.some(({ hasFailed }) => hasFailed)
  }

  private get serving(): TableFollower[] {
    return [...this.followers.values()].filter(({ checkpoint }) => this.live.has(checkpoint))
  }

  private wantedOf(tables: readonly RegisteredTable[]): Followed[] {
    const { projection } = this
    if (projection.kind === 'handler') {
      const followed = this.followHandler(projection)
      this.live = new Set([followed.checkpoint])
      return [followed]
    }
    const own = tables.filter(({ name }) => name === projection.name)
    const live = own.find(({ status }) => status === 'live')
    this.resting =
      live && live.version !== projection.version
        ? new VersionNotLiveError(projection.name, projection.version, live.version)
        : undefined
    this.live = new Set(
      live?.version === projection.version ? shardsOf(live.table, live.shards).map(({ checkpoint }) => checkpoint) : [],
    )
    return own
      .filter(({ status, version }) => status !== 'building' && version === projection.version)
      .filter(({ inline, fedBy }) => !inline && fedBy === undefined)
      .flatMap((table) => this.followTable(projection, table))
  }

  private followTable(projection: Extract<AnyProjection, { kind: 'read-model' }>, table: RegisteredTable): Followed[] {
    return shardsOf(table.table, table.shards).map(({ checkpoint, shard }) => {
      const rows = new ReadModelTable(this.store, projection, table.table, shard)
      return {
        checkpoint,
        existing: true,
        filter: filterOf({ projection, shard }),
        poison: projection.poison,
        effects: rows,
        onAdvance: () => this.options.onAdvance(projection.name),
      }
    })
  }

  private followHandler(handler: ProjectionHandler): Followed {
    const effects = new HandlerEffects(this.store, handler)
    return {
      checkpoint: checkpointNameOf(handlerIdOf(handler)),
      existing: false,
      filter: filterOf({ projection: handler }),
      poison: handler.poison,
      effects: new HandlerBatches(this.store, handler, async (client, events) => {
        await effects.apply(client, events, { replay: false, sideEffects: true })
      }),
      onAdvance: () => this.options.onAdvance(handler.name),
    }
  }
}

const worstFirst = ['failed', 'retrying', 'waiting-for-lease', 'running', 'stopped'] as const
