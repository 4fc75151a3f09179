import type { Checkpoint } from './checkpoint.js'
import type { Database } from './database.js'
import type { Logger } from './logger.js'
import { deleteSubscriber, renewLeases, type Subscriber } from './sql/renew-leases.js'

/** A part of a program that shares checkpoints out with its like in other processes. */
export interface Sharing extends Subscriber {
  readonly leaseMs: number
  /** Called after each heartbeat with the others that are there. */
  readonly onOthers: (others: readonly Subscriber[]) => void
}

/**
 * Renews the leases of a process: one statement per interval, however many checkpoints it has.
 *
 * The interval is a third of the shortest lease. A heartbeat that fails is made up for by the next; a lease that is lost meanwhile shows when its
 * checkpoint is to be moved.
 */
export class LeaseKeeper {
  private readonly held = new Set<Checkpoint>()
  private readonly sharings = new Map<string, Sharing>()
  private timer: NodeJS.Timeout | undefined
  private dueAt = Infinity
  private beating: Promise<void> | undefined

  constructor(
    private readonly database: Database,
    private readonly logger: Logger,
  ) {}

  /** Keeps a lease until {@link LeaseKeeper.letGo}. */
  hold(checkpoint: Checkpoint): void {
    this.held.add(checkpoint)
    this.schedule()
  }

  letGo(checkpoint: Checkpoint): void {
    this.held.delete(checkpoint)
  }

  /** Tells the others that this one is there, now and with each heartbeat. */
  async share(sharing: Sharing): Promise<void> {
    this.sharings.set(sharing.owner, sharing)
    await this.beat()
    this.schedule()
  }

  /** Tells the others that one is gone. */
  async leave(owner: string): Promise<void> {
    if (this.sharings.delete(owner)) {
      await this.beating
      await deleteSubscriber(this.database, owner).catch(() => undefined)
    }
  }

  close(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    this.held.clear()
    this.sharings.clear()
  }

  private schedule(): void {
    const leases = [...this.held, ...this.sharings.values()].map(({ leaseMs }) => leaseMs)
    if (leases.length === 0) return
    const dueAt = performance.now() + Math.min(...leases) / 3
    if (this.timer && this.dueAt <= dueAt) return
    clearTimeout(this.timer)
    this.dueAt = dueAt
    this.timer = setTimeout(() => {
      this.timer = undefined
      void this.beat().finally(() => this.schedule())
    }, dueAt - performance.now())
    this.timer.unref()
  }

  private beat(): Promise<void> {
    return (this.beating ??= this.renew().finally(() => (this.beating = undefined)))
  }

  private async renew(): Promise<void> {
    if (this.held.size + this.sharings.size === 0) return
    try {
      const present = await renewLeases(this.database, [...this.held], [...this.sharings.values()])
      for (const { owner, onOthers } of this.sharings.values())
        onOthers(present.filter((subscriber) => subscriber.owner !== owner))
    } catch (error) {
      this.logger.debug({ err: error }, 'leases could not be renewed; tried again soon')
    }
  }
}
