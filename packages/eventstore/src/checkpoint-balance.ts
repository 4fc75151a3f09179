import type { Subscriber } from './sql/renew-leases.js'
import type { Subscription } from './subscription.js'

/** A checkpoint that several processes would follow, and the subscription by which this one does. */
export interface SharedCheckpoint {
  readonly checkpoint: string
  readonly subscription: Pick<Subscription, 'state' | 'handBack'>
}

/**
 * Shares checkpoints out among the processes that follow the same ones: each takes its part of them, rounded up.
 *
 * A process that comes finds checkpoints free as soon as those that have more than their part hand some back; those of one that dies are free when
 * their leases end. Only work is saved by that: what keeps effects right is each checkpoint's compare-and-set.
 */
export class CheckpointBalance {
  private others: readonly Subscriber[] = []

  constructor(
    /** What this process follows. */
    private readonly followers: () => readonly SharedCheckpoint[],
    private readonly leaseMs: number,
  ) {}

  /** The checkpoints that this process would take. */
  get wanted(): readonly string[] {
    return this.followers().map(({ checkpoint }) => checkpoint)
  }

  /**
   * Whether one more checkpoint may be taken.
   *
   * One that stays free for longer than a lease is taken in any case: whoever should have it does not.
   */
  mayTake(checkpoint: string, waitedMs: number): boolean {
    const others = this.running().filter((follower) => follower.checkpoint !== checkpoint)
    return others.length < this.part(checkpoint) || waitedMs > this.leaseMs
  }

  /** Hands back what is more than this process's part, now that it is known who else is there. */
  rebalance(others: readonly Subscriber[]): void {
    this.others = others
    const running = this.running()
    for (const { subscription } of running.slice(this.part())) subscription.handBack()
  }

  private part(also?: string): number {
    // A follower asks before it is among the others.
    const wanted = new Set([...this.wanted, ...(also === undefined ? [] : [also])])
    const sharing = this.others.filter(({ checkpoints }) => checkpoints.some((name) => wanted.has(name)))
    return Math.ceil(wanted.size / (1 + sharing.length))
  }

  private running(): readonly SharedCheckpoint[] {
    return this.followers().filter(({ subscription }) => !['waiting-for-lease', 'stopped'].includes(subscription.state))
  }
}
