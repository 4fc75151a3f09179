import type { Database } from './database.js'
import { Listener, type ListenerOptions } from './listener.js'
import type { Logger } from './logger.js'

export interface WakeupOptions {
  /** How often readers look for new events although nothing woke them. */
  readonly pollIntervalMs: number
  /** The connection that listens for other processes; without one the poll alone finds their events. */
  readonly listen: Omit<ListenerOptions, 'channel' | 'onNotify' | 'logger'> | undefined
  readonly logger: Logger
}

const notifyIntervalMs = 5

/**
 * Wakes the readers of a process when there may be new events.
 *
 * By the process's own appends at once; by other processes through a NOTIFY without payload; and by a timer always, so that a lost
 * notification costs time and never an event. NOTIFY takes a lock of the whole cluster at commit, so it never travels in an append:
 * it is sent afterwards, once for all appends of some milliseconds.
 */
export class Wakeup {
  private readonly listeners = new Set<() => void>()
  private readonly channel: string
  private wakeScheduled = false
  private notifying: Promise<void> | undefined
  private notifyAgain = false
  private poll: NodeJS.Timeout | undefined
  private listener: Listener | undefined
  private closed = false

  constructor(
    private readonly database: Database,
    private readonly options: WakeupOptions,
  ) {
    this.channel = `${database.schema}_appended`
  }

  /** Calls back at every wake; the poll and the listening connection run while there is somebody to wake. */
  onWake(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Starts the poll and the listening connection. */
  start(): void {
    if (this.closed || this.poll) return
    this.poll = setInterval(() => this.wake(), this.options.pollIntervalMs)
    this.poll.unref()
    const { listen, logger } = this.options
    if (listen) this.listener = new Listener({ ...listen, channel: this.channel, onNotify: () => this.wake(), logger })
  }

  /** Tells this process and the others that events were stored. */
  appended(): void {
    this.wake()
    this.notify()
  }

  /** Stops everything; notifications on their way are waited for. */
  async close(): Promise<void> {
    this.closed = true
    clearInterval(this.poll)
    this.listeners.clear()
    await Promise.all([this.notifying, this.listener?.close()])
  }

  /** The wakes of one turn of the event loop are one. */
  private wake(): void {
    if (this.wakeScheduled || this.listeners.size === 0) return
    this.wakeScheduled = true
    setImmediate(() => {
      this.wakeScheduled = false
      for (const listener of this.listeners) listener()
    })
  }

  private notify(): void {
    if (this.notifying) {
      this.notifyAgain = true
      return
    }
    this.notifying = this.sendNotify().finally(() => {
      this.notifying = undefined
      if (this.notifyAgain && !this.closed) {
        this.notifyAgain = false
        this.notify()
      }
    })
  }

  private async sendNotify(): Promise<void> {
    try {
      await this.database.queryable.query(`notify ${this.channel}`)
    } catch (error) {
      this.options.logger.debug({ err: error }, 'NOTIFY failed; other processes find the events by their poll')
    }
    await new Promise((resolve) => setTimeout(resolve, notifyIntervalMs))
  }
}
