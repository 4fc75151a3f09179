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
 * The interval is a third of the shortest lease. A heartbeat that fails is made up for by the next; one that finds a lease lost says so to whoever held
 * it, who may have nothing to do and would not notice.
 */
export class LeaseKeeper {
  private readonly held = new Map<Checkpoint, () => void>()
  private readonly sharings = new Map<string, Sharing>()
  private timer: NodeJS.Timeout | undefined
  private dueAt = Infinity
  private beating: Promise<void> | undefined

  constructor(
    private readonly database: Database,
    private readonly logger: Logger,
  ) {}

  /** Keeps a lease until {@link LeaseKeeper.letGo}, or until it is lost. */
  hold(checkpoint: Checkpoint, onLost: () => void = () => undefined): void {
    this.held.set(checkpoint, onLost)
    this.schedule()
  }

  letGo(checkpoint: Checkpoint): void {
    this.held.delete(checkpoint)
  }

  /** Tells the others that this one is there, now and with each heartbeat. */
  async share(sharing: Sharing): Promise<void> {
    this.sharings.set(sharing.owner, sharing)
    // A heartbeat that is on its way does not say it.
    await this.beating
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
    const leases = [...this.held.keys(), ...this.sharings.values()].map(({ leaseMs }) => leaseMs)
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
    // By now one may be held that was taken after the question.
    const asked = [...this.held]
    try {
      const leases = asked.map(([checkpoint]) => checkpoint)
      const { present, lost } = await renewLeases(this.database, leases, [...this.sharings.values()])
      for (const { owner, onOthers } of this.sharings.values())
        onOthers(present.filter((subscriber) => subscriber.owner !== owner))
      for (const [checkpoint, onLost] of asked)
        if (lost.includes(checkpoint.name) && this.held.delete(checkpoint)) onLost()
    } catch (error) {
      this.logger.debug({ err: error }, 'leases could not be renewed; tried again soon')
    }
  }
}
