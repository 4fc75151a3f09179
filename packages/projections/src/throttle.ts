import { setTimeout as sleep } from 'node:timers/promises'

/** Timers cannot wait longer, and do not wait at all when they are told to. */
const longestRestMs = 2 ** 31 - 1

/** Leaves time to others: whoever has worked rests before it works again, so that its work takes a share of the time at most. */
export class Throttle {
  private restMs = 0

  constructor(
    /** Above 0 and at most 1. */
    private readonly share: number,
    private readonly signal?: AbortSignal,
  ) {}

  /** Whether it rests at all. */
  get isOn(): boolean {
    return this.share < 1
  }

  /** Rests for the work before, then works. The signal ends the rest. */
  async work<T>(work: () => Promise<T>): Promise<T> {
    if (this.restMs > 0)
      await sleep(this.restMs, undefined, this.signal && { signal: this.signal }).catch(() => undefined)
    const begunAt = performance.now()
    try {
      return await work()
    } finally {
      // A timer may fire up to a millisecond early.
      const dueMs = Math.ceil(((performance.now() - begunAt) * (1 - this.share)) / this.share) + 1
      this.restMs = this.isOn ? Math.min(dueMs, longestRestMs) : 0
    }
  }
}
