import {
  failpoint,
  inTransaction,
  on,
  type EventStore,
  type LogFilter,
  type Logger,
  type Subscription,
  type SubscriptionBatch,
} from '@tidemark/eventstore'
import type { ClientBase } from 'pg'
import { setUpBatch } from './sql/set-up-batch.js'

/** Something that takes batches of events, with one checkpoint: a shard of a table, or a handler. */
export interface Followed {
  /** The name of the checkpoint. */
  readonly checkpoint: string
  readonly filter: LogFilter
  /** Does the work of a batch in the transaction that moves the checkpoint. */
  readonly apply: (transaction: ClientBase, events: SubscriptionBatch['events']) => Promise<unknown>
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

  constructor(
    private readonly store: EventStore,
    private readonly followed: Followed,
    private readonly options: FollowerOptions,
  ) {
    const { owner, batchSize, leaseMs, logger, mayTake } = options
    this.checkpoint = followed.checkpoint
    this.subscription = store.subscribe({
      name: followed.checkpoint,
      filter: followed.filter,
      handle: (batch) => this.handle(batch),
      mayTake: (waitedMs) => mayTake(this.checkpoint, waitedMs),
      ...{ owner, batchSize, leaseMs, logger },
    })
  }

  /** Lets the batch in work finish, and ends. */
  stop(): Promise<void> {
    return this.subscription.stop()
  }

  private async handle({ events, to, checkpoint }: SubscriptionBatch): Promise<void> {
    const { store, followed } = this
    if (events.length === 0) {
      await checkpoint.advance(store.database.queryable, to)
    } else {
      await inTransaction(store.pool, async (client) => {
        const idleMs = Math.max(this.options.leaseMs, shortestIdleMs)
        await setUpBatch(on(store.database, client), { idleMs, commit: 'durable' })
        // First, for it locks the checkpoint: an owner that was replaced stops here, before it does any work.
        await checkpoint.advance(client, to)
        await followed.apply(client, events)
        await failpoint?.('projection.before-commit')
      })
      await failpoint?.('projection.after-commit')
    }
    followed.onAdvance()
  }
}
