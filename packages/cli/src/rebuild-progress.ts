import type { ProjectionTable, RebuildProgress } from '@tidemark/projections'
import type { Progress } from './output/progress.js'

/** Adds up how far a rebuild is whose shards are in the hands of several processes. */
export class SharedProgress {
  private readonly positions = new Map<number, bigint>()
  private readonly speeds = new Map<number, number>()

  constructor(
    private readonly progress: Progress,
    /** The table of the build, where an earlier call has begun it. */
    begun: ProjectionTable | undefined,
  ) {
    begun?.shards.forEach(({ position = 0n }, shard) => {
      this.positions.set(shard, begun.target !== undefined && position > begun.target ? begun.target : position)
    })
  }

  /** Takes in what one of the processes reports. */
  update(process: number, { shard, shards, shardPosition, total, eventsPerSecond }: RebuildProgress): void {
    this.positions.set(shard, shardPosition)
    this.speeds.set(process, eventsPerSecond)
    let done = 0n
    for (const [known, position] of this.positions) if (known < shards) done += position
    let perSecond = 0
    for (const speed of this.speeds.values()) perSecond += speed
    this.progress.update({ done: done / BigInt(shards), total, perSecond })
  }

  /** One of the processes works no more; what it did stays. */
  ended(process: number): void {
    this.speeds.delete(process)
  }
}
