import { Checkpoint, type CheckpointPlace } from './checkpoint.js'
import type { Database } from './database.js'
import {
  CheckpointLostError,
  LogMismatchError,
  LogRestoredError,
  StoreCorruptError,
  UnknownEventError,
} from './errors.js'
import type { RecordedEvent } from './event.js'
import type { LeaseKeeper } from './lease-keeper.js'
import type { Logger } from './logger.js'
import type { LogFilter, LogSource } from './log-source.js'

/** A batch that a subscriber works on. */
export interface SubscriptionBatch {
  readonly events: readonly RecordedEvent[]
  /** Where the checkpoint goes when the batch is done. */
  readonly to: CheckpointPlace
  /** The checkpoint: `advance` it in the transaction of the effects. */
  readonly checkpoint: Checkpoint
}

export interface SubscriptionOptions {
  /** The name of the checkpoint. */
  readonly name: string
  readonly filter?: LogFilter
  /** Whether the checkpoint must be there, and is waited for; made at position 0 where it is missing, unless said. */
  readonly existing?: boolean
  /** How many events a batch has at most; 1,000 unless said. */
  readonly batchSize?: number
  /** How long another process waits before it takes over from one that died; 10,000 ms unless said. */
  readonly leaseMs?: number
  /** Who this is, for people; a fresh name per subscription unless said. */
  readonly owner: string
  readonly logger: Logger
  /** Whether it may take the checkpoint now, where several share; `waitedMs` is for how long it has been free to take. Always unless given. */
  readonly mayTake?: (waitedMs: number) => boolean
  /** Whether no retry mends an error, so that the subscription stops. */
  readonly isFinal?: (error: unknown) => boolean
  /**
   * Does the work of a batch, and advances the checkpoint to `batch.to` in the same transaction (or once the effects are durable elsewhere).
   * It is called with no events when only foreign events passed.
   */
  readonly handle: (batch: SubscriptionBatch) => Promise<void>
}

/** How a subscription is getting on. */
export type SubscriptionState = 'waiting-for-lease' | 'running' | 'retrying' | 'stopped' | 'failed'

const longestPauseMs = 10_000
const idleMs = 1000

/** What no retry mends. */
const needsSomebody = [LogMismatchError, LogRestoredError, StoreCorruptError, UnknownEventError]

/**
 * A durable reader of the log: takes its checkpoint, hands over batch after batch, and sleeps at the head until something is appended.
 *
 * A batch that fails is tried again with growing pauses; events are never skipped. A log that does not fit the checkpoint, or an event that this code
 * does not know, stops it, and says so in the checkpoint.
 */
export class Subscription {
  /** What it is doing. */
  state: SubscriptionState = 'waiting-for-lease'
  /** Why it is retrying or has failed. */
  lastError: unknown
  /** Where its checkpoint is; undefined unless it has it. */
  position: bigint | undefined
  private stopping = false
  private handingBack = false
  private wakeSleeper: (() => void) | undefined
  private woken = false
  /** Settles when it has ended, by `stop` or for good. */
  readonly ended: Promise<void>
  private readonly stopListening: () => void

  constructor(
    private readonly source: LogSource,
    private readonly database: Database,
    private readonly leases: LeaseKeeper,
    private readonly options: SubscriptionOptions,
  ) {
    this.stopListening = source.onAdvance(() => this.wake())
    this.ended = this.run()
  }

  /** Lets the batch in work finish, gives the lease back, and ends. Calling it again waits for the same end. */
  async stop(): Promise<void> {
    this.stopping = true
    this.wake()
    await this.ended
  }

  /** Lets the batch in work finish and gives the lease back, where it still has it, for somebody else to take it; goes on to wait for it. */
  handBack(): void {
    this.handingBack = true
    this.wake()
  }

  private async run(): Promise<void> {
    let lostConnections = 0
    let waitingSince: number | undefined
    while (!this.stopping) {
      let checkpoint: Checkpoint | undefined
      try {
        waitingSince ??= performance.now()
        const mayTake = this.options.mayTake?.(performance.now() - waitingSince) ?? true
        checkpoint = mayTake ? await this.claim() : undefined
        if (!checkpoint) {
          this.state = 'waiting-for-lease'
          await this.sleep(Math.min(this.leaseMs / 4, 1000), 'undisturbed')
          continue
        }
        waitingSince = undefined
        this.handingBack = false
        this.leases.hold(checkpoint, () => this.handBack())
        this.position = checkpoint.place.position
        await this.source.verify?.()
        await checkpoint.verify(this.source)
        const epoch = await this.source.epoch()
        this.state = 'running'
        await this.follow(checkpoint, epoch, () => (lostConnections = 0))
      } catch (error) {
        this.lastError = error
        if (needsSomebody.some((kind) => error instanceof kind) || this.options.isFinal?.(error) === true) {
          this.options.logger.error({ err: error, subscription: this.options.name }, 'the subscription stopped')
          // Noted first: whoever sees that it failed finds the reason in the database.
          await checkpoint?.fail(messageOf(error)).catch(() => undefined)
          this.state = 'failed'
          break
        }
        this.state = 'retrying'
        let pauseMs: number | undefined
        if (!(error instanceof CheckpointLostError)) {
          this.options.logger.warn(
            { err: error, subscription: this.options.name },
            'a batch failed and will be tried again',
          )
          pauseMs = await checkpoint?.fail(messageOf(error)).catch(() => undefined)
        }
        // Without an answer of the database the pauses are this process's own.
        pauseMs ??= Math.min(50 * 2 ** lostConnections++, longestPauseMs) * (0.5 + Math.random())
        await this.sleep(pauseMs, 'undisturbed')
      } finally {
        this.position = undefined
        if (checkpoint) this.leases.letGo(checkpoint)
        if (this.stopping || this.handingBack) await checkpoint?.release().catch(() => undefined)
      }
    }
    this.stopListening()
    if (this.state !== 'failed') this.state = 'stopped'
  }

  private get leaseMs(): number {
    return this.options.leaseMs ?? 10_000
  }

  private claim(): Promise<Checkpoint | undefined> {
    const { name, owner, existing = false } = this.options
    const lease = { owner, leaseMs: this.leaseMs }
    return existing
      ? Checkpoint.claimExisting(this.database, name, lease)
      : Checkpoint.claim(this.database, name, lease)
  }

  private async follow(checkpoint: Checkpoint, epoch: string, onProgress: () => void): Promise<void> {
    const { filter = {}, batchSize = 1000 } = this.options
    const read = (after: bigint) => {
      this.woken = false
      const reading = this.source.read({ ...filter, after, limit: batchSize })
      // It may fail while the batch before it is still in work, and nobody awaits it yet.
      reading.catch(() => undefined)
      return reading
    }
    let next = read(checkpoint.place.position)
    while (!this.stopping && !this.handingBack) {
      const { position, eventId } = checkpoint.place
      const { events, through, atHead } = await next
      // One batch is read while another is in work, and never more: a slow subscriber does not fill the memory.
      if (!atHead) next = read(through)
      if (through > position) {
        const last = events.at(-1)
        const lastId = last?.position === through ? last.id : await this.source.lastEventId(through)
        const to: CheckpointPlace = { position: through, eventId: lastId ?? eventId, epoch }
        await this.options.handle({ events, to, checkpoint })
        checkpoint.committed(to)
        this.position = to.position
        onProgress()
      }
      if (atHead) {
        await this.sleep(idleMs)
        if (!this.stopping) next = read(through)
      }
    }
    await next.catch(() => undefined)
  }

  private wake(): void {
    this.woken = true
    this.wakeSleeper?.()
  }

  /** Sleeps until the time is over, or earlier when something is appended and the sleep may be disturbed; stopping always ends it. */
  private async sleep(milliseconds: number, mode: 'until-woken' | 'undisturbed' = 'until-woken'): Promise<void> {
    if (this.stopping || (this.woken && mode === 'until-woken')) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds)
      this.wakeSleeper = () => {
        if (mode === 'undisturbed' && !this.stopping) return
        clearTimeout(timer)
        resolve()
      }
    })
    this.wakeSleeper = undefined
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
