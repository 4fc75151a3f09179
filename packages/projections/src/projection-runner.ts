import {
  failpoint,
  inTransaction,
  on,
  type EventStore,
  type Logger,
  type Subscription,
  type SubscriptionBatch,
  type SubscriptionState,
} from '@tidemark/eventstore'
import type { ClientBase } from 'pg'
import { typesOf, type AnyProjection } from './any-projection.js'
import { VersionNotLiveError } from './errors.js'
import { upcastFor, wants } from './fold-rows.js'
import { checkpointNameOf, handlerIdOf } from './names.js'
import { ReadModelTable } from './read-model-table.js'
import { setUpBatch } from './sql/set-up-batch.js'
import { ensureLiveTable } from './table-lifecycle.js'

export interface RunnerOptions {
  readonly owner: string
  readonly batchSize: number
  readonly leaseMs: number
  readonly logger: Logger
  /** Called after each commit. */
  readonly onAdvance: (name: string, position: bigint) => void
}

/** A busy program may need this long between two statements. */
const shortestIdleMs = 1000

/** Runs one projection: a subscription whose effects and checkpoint share a transaction. */
export class ProjectionRunner {
  /** The table that it writes; undefined while another version is live, and for a handler. */
  table: string | undefined
  private subscription: Subscription | undefined
  private resting: VersionNotLiveError | undefined

  constructor(
    private readonly store: EventStore,
    readonly projection: AnyProjection,
    private readonly options: RunnerOptions,
  ) {}

  /**
   * Finds or makes the table, and says whether it may be written.
   *
   * @throws {SchemaChangedError} the table has other columns than the definition.
   */
  async prepare(): Promise<void> {
    const { projection, store } = this
    if (projection.kind === 'handler') return
    try {
      const live = await inTransaction(store.pool, (client) => ensureLiveTable(on(store.database, client), projection))
      this.table = live.table
      this.resting = undefined
    } catch (error) {
      if (!(error instanceof VersionNotLiveError)) throw error
      this.table = undefined
      this.resting = error
      this.options.logger.warn({ err: error }, 'a projection rests')
    }
  }

  /** Starts to follow the log, unless another version is live. */
  follow(): void {
    const { projection, store, table } = this
    if (this.subscription || this.resting) return
    const apply = projection.kind === 'handler' ? this.handlerEffects(projection) : this.tableEffects(projection, table)
    if (!apply) return
    const { owner, batchSize, leaseMs, logger } = this.options
    this.subscription = store.subscribe({
      name: checkpointNameOf(projection.kind === 'handler' ? handlerIdOf(projection) : (table ?? '')),
      filter: { categories: projection.aggregates.map(({ name }) => name), types: typesOf(projection) },
      handle: (batch) => this.handle(batch, apply),
      ...{ owner, batchSize, leaseMs, logger },
    })
  }

  /** Lets the batch in work finish, and ends. */
  async stop(): Promise<void> {
    await this.subscription?.stop()
    this.subscription = undefined
  }

  /** What it does now, and why it does not get on; undefined when it was not started. */
  get progress(): { readonly state: SubscriptionState; readonly error: string | undefined } | undefined {
    if (this.resting) return { state: 'failed', error: this.resting.message }
    if (!this.subscription) return undefined
    const { state, lastError } = this.subscription
    if (state !== 'retrying' && state !== 'failed') return { state, error: undefined }
    return { state, error: lastError instanceof Error ? lastError.message : String(lastError) }
  }

  /** Whether it stopped for good, on an event or a log that this code cannot go on with. */
  get hasFailed(): boolean {
    return this.subscription?.state === 'failed'
  }

  private async handle(
    { events, to, checkpoint }: SubscriptionBatch,
    apply: (transaction: ClientBase, events: SubscriptionBatch['events']) => Promise<unknown>,
  ): Promise<void> {
    const { store, projection } = this
    if (events.length === 0) {
      await checkpoint.advance(store.database.queryable, to)
    } else {
      await inTransaction(store.pool, async (client) => {
        const idleMs = Math.max(this.options.leaseMs, shortestIdleMs)
        await setUpBatch(on(store.database, client), { idleMs, commit: 'durable' })
        // First, for it locks the checkpoint: an owner that was replaced stops here, before it does any work.
        await checkpoint.advance(client, to)
        await apply(client, events)
        await failpoint?.('projection.before-commit')
      })
    }
    this.options.onAdvance(projection.name, to.position)
  }

  private tableEffects(projection: Extract<AnyProjection, { kind: 'read-model' }>, name: string | undefined) {
    if (name === undefined) return undefined
    const table = new ReadModelTable(this.store, projection, name)
    return (client: ClientBase, events: SubscriptionBatch['events']) => table.apply(client, events)
  }

  private handlerEffects(handler: Extract<AnyProjection, { kind: 'handler' }>) {
    const aggregates = new Map(handler.aggregates.map((aggregate) => [aggregate.name, aggregate]))
    const types = new Set(handler.types)
    return async (client: ClientBase, events: SubscriptionBatch['events']) => {
      const revealed = await this.store.reveal(handler.aggregates, events, client)
      const known = revealed.flatMap((event) => {
        const aggregate = aggregates.get(event.category)
        if (!aggregate || !wants(aggregate, event, types)) return []
        return upcastFor(handler.name, aggregate, event) ?? []
      })
      await handler.handle(client, known)
    }
  }
}
