import {
  failpoint,
  inTransaction,
  on,
  type Checkpoint,
  type LogFilter,
  type Logger,
  type Subscription,
  type SubscriptionBatch,
} from '@tidemark/eventstore'
import type { ClientBase } from 'pg'
import { isPoison } from './poison/is-poison.js'
import type { PoisonRules } from './poison/poison-rules.js'
import { setUpBatch } from './sql/set-up-batch.js'
import type { ProjectionStore } from './projection-store.js'

/** Something that takes batches of events, with one checkpoint: a shard of a table, or a handler. */
export interface Followed {
  /** The name of the checkpoint. */
  readonly checkpoint: string
  /** Whether it was made with what it belongs to, a table that may be dropped, and is never made without it. */
  readonly existing: boolean
  readonly filter: LogFilter
  readonly poison: Required<PoisonRules>
  readonly effects: {
    /** Does the work of a batch in the transaction that moves the checkpoint; sets aside what fails if `tolerant`. */
    apply(transaction: ClientBase, events: SubscriptionBatch['events'], tolerant: boolean): Promise<unknown>
    /** Forgets what it knows of the database: another process may have had the checkpoint since. */
    reload(): void
  }
  /** Called after each commit. */
  readonly onAdvance: () => void
}

export interface FollowerOptions {
  readonly owner: string
  readonly batchSize: number
  readonly leaseMs: number
  readonly logger: Logger
  /** Whether one may take its checkpoint now, or leaves it to another process. */
  readonly mayTake: (checkpoint: string, waitedMs: number) => boolean
}

/** A busy program may need this long between two statements. */
const shortestIdleMs = 1000

/** Follows the log with one checkpoint: a subscription whose effects and checkpoint share a transaction. */
export class TableFollower {
  readonly checkpoint: string
  readonly subscription: Subscription
  private current: Checkpoint | undefined

  constructor(
    private readonly store: ProjectionStore,
    private readonly followed: Followed,
    private readonly options: FollowerOptions,
  ) {
    const { owner, batchSize, leaseMs, logger, mayTake } = options
    this.checkpoint = followed.checkpoint
    this.subscription = store.subscribe({
      name: followed.checkpoint,
      existing: followed.existing,
      filter: followed.filter,
      handle: (batch) => this.handle(batch),
      isFinal: (error) => isPoison(error) && (this.current?.failures ?? 0) >= followed.poison.retries,
      mayTake: (waitedMs) => mayTake(this.checkpoint, waitedMs),
      ...{ owner, batchSize, leaseMs, logger },
    })
  }

  /** Whether it stopped for good, on an event or a log that this code cannot go on with. */
  get hasFailed(): boolean {
    return this.subscription.state === 'failed'
  }

  /** Lets the batch in work finish, and ends. */
  stop(): Promise<void> {
    return this.subscription.stop()
  }

  private async handle({ events, to: end, checkpoint }: SubscriptionBatch): Promise<void> {
    const { store, followed } = this
    if (checkpoint !== this.current) followed.effects.reload()
    this.current = checkpoint
    const epoch = await store.verifyPlace?.(checkpoint.name, checkpoint.place)
    const to = epoch === undefined ? end : { ...end, epoch }
    if (events.length === 0) {
      await checkpoint.advance(store.database.queryable, to)
    } else {
      await inTransaction(store.pool, async (client) => {
        const idleMs = Math.max(this.options.leaseMs, shortestIdleMs)
        await setUpBatch(on(store.database, client), { idleMs, commit: 'durable' })
        // First, for it locks the checkpoint: an owner that was replaced stops here, before it does any work.
        await checkpoint.advance(client, to)
        await followed.effects.apply(client, events, checkpoint.failures >= followed.poison.retries)
        await failpoint?.('projection.before-commit')
      })
      await failpoint?.('projection.after-commit')
    }
    followed.onAdvance()
  }
}
