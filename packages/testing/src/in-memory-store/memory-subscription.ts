import {
  CheckpointLostError,
  UnknownEventError,
  type CheckpointPlace,
  type RunningSubscription,
  type SubscribeOptions,
} from '@tidemark/eventstore'
import type { MemoryLog } from './memory-log.js'

/** A checkpoint that outlives its subscription, and who has it. */
export interface MemoryCheckpoint {
  place: CheckpointPlace
  owner: MemorySubscription | undefined
}

const retryPauseMs = 20

/** Follows the log in memory: batch after batch in order, a failed one again, one owner of a name at a time. */
export class MemorySubscription implements RunningSubscription {
  state: 'waiting-for-lease' | 'running' | 'retrying' | 'stopped' | 'failed' = 'waiting-for-lease'
  lastError: unknown
  readonly ended: Promise<void>
  private stopping = false
  private wake: (() => void) | undefined

  constructor(
    private readonly log: MemoryLog,
    private readonly checkpoint: MemoryCheckpoint,
    private readonly options: SubscribeOptions,
  ) {
    // As from a database, nothing is handed over before the caller has the subscription.
    this.ended = new Promise((resolve) => setImmediate(resolve)).then(() => this.run())
  }

  async stop(): Promise<void> {
    this.stopping = true
    this.wake?.()
    await this.ended
  }

  private async run(): Promise<void> {
    const stopListening = this.log.onAppend(() => this.wake?.())
    while (!this.stopping) {
      try {
        if (this.claim()) await this.follow()
        else await this.sleep(retryPauseMs)
      } catch (error) {
        this.lastError = error
        if (error instanceof UnknownEventError) {
          this.state = 'failed'
          break
        }
        this.state = 'retrying'
        await this.sleep(retryPauseMs)
      }
    }
    stopListening()
    if (this.checkpoint.owner === this) this.checkpoint.owner = undefined
    if (this.state !== 'failed') this.state = 'stopped'
  }

  private claim(): boolean {
    this.checkpoint.owner ??= this
    if (this.checkpoint.owner === this) this.state = 'running'
    else this.state = 'waiting-for-lease'
    return this.checkpoint.owner === this
  }

  private async follow(): Promise<void> {
    const { filter = {}, batchSize = 1000, handle, name } = this.options
    let { place } = this.checkpoint
    while (!this.stopping) {
      const head = this.log.head
      const events = this.log.after(place.position, batchSize, filter)
      const last = events.at(-1)
      const through = events.length === batchSize && last ? last.position : head
      if (through === place.position) {
        await this.sleep()
        continue
      }
      const to: CheckpointPlace = { position: through, eventId: this.log.idAt(through), epoch: place.epoch }
      const from = place
      const advance = (_transaction: unknown, place: CheckpointPlace): Promise<void> => {
        if (this.checkpoint.owner !== this || this.checkpoint.place.position !== from.position)
          return Promise.reject(new CheckpointLostError(name))
        this.checkpoint.place = place
        return Promise.resolve()
      }
      await handle({ events, to, checkpoint: { advance } })
      place = to
    }
  }

  /** Sleeps until the time is over, or something is appended, or the subscription is stopped. */
  private async sleep(milliseconds?: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.wake = resolve
      if (milliseconds !== undefined) setTimeout(resolve, milliseconds)
    })
    this.wake = undefined
  }
}
