interface Sample {
  readonly position: bigint
  readonly at: number
}

const windowMs = 10_000
const shortestMs = 100

/** Remembers where checkpoints were in the last seconds, to tell how fast they advance. */
export class ProgressMeter {
  private readonly samples = new Map<string, Sample[]>()

  /** Notes where something is now; of looks that come close together one is kept. Time is in milliseconds, from any beginning. */
  saw(name: string, position: bigint, at = performance.now()): void {
    const kept = (this.samples.get(name) ?? []).filter((sample) => at - sample.at <= windowMs)
    const last = kept.at(-1)
    if (last && at - last.at < shortestMs) return
    // Where it went back it was built anew or rewound, and what it did before tells nothing.
    this.samples.set(name, last && last.position > position ? [{ position, at }] : [...kept, { position, at }])
    this.forget(at)
  }

  /** Positions per second over the last seconds; undefined unless it was seen twice in them. */
  perSecond(name: string, now = performance.now()): number | undefined {
    const samples = (this.samples.get(name) ?? []).filter(({ at }) => now - at <= windowMs)
    const [first, last] = [samples[0], samples.at(-1)]
    if (!first || !last || first === last) return undefined
    return (Number(last.position - first.position) * 1000) / (last.at - first.at)
  }

  private forget(now: number): void {
    for (const [name, samples] of this.samples) {
      if (samples.every(({ at }) => now - at > windowMs)) this.samples.delete(name)
    }
  }
}
