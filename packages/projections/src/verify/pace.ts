import { setTimeout as sleep } from 'node:timers/promises'

/** Lets work take a share of the time, above 0 and at most 1, and leaves the rest to others of the database. */
export class Pace {
  private since = performance.now()

  constructor(
    private readonly share: number,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /** Leaves to others what the work since the last rest leaves them; ends with the signal. */
  async rest(): Promise<void> {
    if (this.share < 1) {
      const restMs = ((performance.now() - this.since) * (1 - this.share)) / this.share
      await sleep(restMs, undefined, this.signal && { signal: this.signal }).catch(() => undefined)
    }
    this.since = performance.now()
  }
}
