import type { Database, Logger } from '@tidemark/eventstore'
import { selectProgress, type Progress } from './sql/select-progress.js'

/** How waiting for a projection ended: it is there, it is not there in time, it does not get on at all, or a consumer group feeds it and nobody can tell. */
export type WaitResult = 'reached' | 'behind' | 'faulted' | 'fed'

export interface WaitOptions {
  /** How long to wait at most. */
  readonly timeoutMs: number
  /** Ends the waiting; the promise is then rejected with its reason. */
  readonly signal?: AbortSignal
}

interface Waiter {
  readonly position: bigint
  readonly end: (result: WaitResult) => void
}

const pollIntervalMs = 25
/** The database may go back, when a standby takes over or a backup is restored. */
const rememberMs = 1000

/**
 * Lets callers wait until projections have reached positions.
 *
 * A batch of this process makes it look at once, those of other processes are found by a poll; one look at the checkpoints is for all waiters, and
 * nobody looks unless somebody waits. What a batch reached is not taken for granted: the table that it went to may have been replaced meanwhile.
 */
export class PositionWaiter {
  private readonly reached = new Map<string, { readonly position: bigint; readonly seenAt: number }>()
  private readonly faults = new Map<string, boolean>()
  private readonly waiters = new Map<string, Set<Waiter>>()
  private cancelLook: (() => void) | undefined
  private polling = false
  private movedMeanwhile = false

  constructor(
    private readonly database: Database,
    private readonly readModels: readonly string[],
    private readonly handlers: readonly { readonly name: string; readonly checkpoint: string }[],
    /** Whether this process has given a projection up. */
    private readonly failedHere: (name: string) => boolean,
    private readonly logger: Logger,
    /** The epoch of a log in another database: a checkpoint of another epoch is a place in a log that is gone. */
    private readonly readEpoch: (() => Promise<string>) | undefined,
  ) {}

  private advanced(name: string, position: bigint): void {
    this.reached.set(name, { position, seenAt: performance.now() })
    for (const waiter of this.waiters.get(name) ?? []) {
      if (waiter.position <= position) waiter.end('reached')
    }
  }

  /** Tells that a projection has moved, so that a look is worth while. */
  moved(name: string): void {
    if (!this.waiters.has(name)) return
    this.movedMeanwhile = true
    this.cancelLook?.()
    this.cancelLook = undefined
    this.schedule('now')
  }

  async wait(name: string, position: bigint, { timeoutMs, signal }: WaitOptions): Promise<WaitResult> {
    signal?.throwIfAborted()
    const known = this.reached.get(name)
    if (known && known.position >= position && performance.now() - known.seenAt < rememberMs) return 'reached'
    this.faults.delete(name)
    return new Promise((resolve, reject) => {
      const waiters = this.waiters.get(name) ?? new Set<Waiter>()
      this.waiters.set(name, waiters)
      const leave = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
        waiters.delete(waiter)
        if (waiters.size === 0 && this.waiters.get(name) === waiters) this.waiters.delete(name)
      }
      const waiter: Waiter = {
        position,
        end: (result) => {
          leave()
          resolve(result)
        },
      }
      const onAbort = () => {
        leave()
        reject(signal?.reason as Error)
      }
      const timer = setTimeout(() => waiter.end(this.faults.get(name) === true ? 'faulted' : 'behind'), timeoutMs)
      signal?.addEventListener('abort', onAbort, { once: true })
      waiters.add(waiter)
      this.schedule('now')
    })
  }

  /** Ends all waiting: what is not reached by now is behind. */
  close(): void {
    this.cancelLook?.()
    for (const waiters of this.waiters.values()) for (const waiter of waiters) waiter.end('behind')
  }

  private schedule(when: 'now' | 'soon'): void {
    if (this.polling || this.cancelLook || this.waiters.size === 0) return
    const look = () => {
      this.cancelLook = undefined
      this.polling = true
      this.movedMeanwhile = false
      void this.look().finally(() => {
        this.polling = false
        this.schedule(this.movedMeanwhile ? 'now' : 'soon')
      })
    }
    // Waiters of one turn of the event loop share a look; a timer would take a millisecond at least.
    if (when === 'now') {
      const immediate = setImmediate(look)
      this.cancelLook = () => clearImmediate(immediate)
    } else {
      const timer = setTimeout(look, pollIntervalMs)
      this.cancelLook = () => clearTimeout(timer)
    }
  }

  private async look(): Promise<void> {
    const waitedFor = (name: string) => this.waiters.has(name)
    try {
      const progress = await selectProgress(
        this.database,
        this.readModels.filter(waitedFor),
        this.handlers.filter(({ name }) => waitedFor(name)),
      )
      const epoch = await this.readEpoch?.()
      for (const each of progress.values()) this.saw(each, epoch)
    } catch (error) {
      this.logger.debug({ err: error }, 'the checkpoints could not be read; waiters wait on')
    }
  }

  private saw(progress: Progress, logEpoch: string | undefined): void {
    const { name, position, error, abandoned, inline, fedBy, epoch } = progress
    // Shows whatever is committed, for as long as appends keep it.
    if (inline) for (const waiter of this.waiters.get(name) ?? []) waiter.end('reached')
    else if (logEpoch === undefined || epoch === logEpoch || position === 0n) this.advanced(name, position)
    // Offsets of topics are no positions.
    if (fedBy !== undefined) for (const waiter of this.waiters.get(name) ?? []) waiter.end('fed')
    this.faults.set(name, error !== undefined)
    // An error that nobody works on does not go away by waiting.
    if (error === undefined || (!abandoned && !this.failedHere(name))) return
    for (const waiter of this.waiters.get(name) ?? []) waiter.end('faulted')
  }
}
