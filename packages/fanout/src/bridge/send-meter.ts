interface Sample {
  readonly at: number
  readonly position: bigint
}

const windowMs = 10_000
const betweenMs = 100

/** Remembers where a bridge was in the last seconds, to tell how fast it gets on, and how long brokers took. */
export class SendMeter {
  private samples: Sample[] = []
  private durationMs: number | undefined

  /** Notes where the checkpoint is now. Time is in milliseconds, from any beginning. */
  reached(position: bigint, at = performance.now()): void {
    const kept = this.samples.filter((sample) => at - sample.at <= windowMs)
    const last = kept.at(-1)
    this.samples = last && at - last.at < betweenMs ? kept : [...kept, { at, position }]
  }

  /** Notes how long a request took to be acknowledged. */
  acknowledged(durationMs: number): void {
    // The mean of the last requests, each counting for less than the one after it.
    this.durationMs = this.durationMs === undefined ? durationMs : this.durationMs * 0.8 + durationMs * 0.2
  }

  get acknowledgedInMs(): number | undefined {
    return this.durationMs
  }

  /** Positions per second over the last seconds; undefined unless it moved twice in them. */
  perSecond(now = performance.now()): number | undefined {
    const samples = this.samples.filter(({ at }) => now - at <= windowMs)
    const [first, last] = [samples[0], samples.at(-1)]
    if (!first || !last || first === last) return undefined
    return (Number(last.position - first.position) * 1000) / (last.at - first.at)
  }
}
