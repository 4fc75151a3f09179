import type { Waiting } from './wait-for-causes.js'

/** How a record failed so far. */
export interface RecordFailure {
  /** Of its own. */
  readonly failures: number
  /** Of the world around it, which are tried again for ever. */
  readonly troubles: number
  /** By `performance.now()`. */
  readonly retryAt: number
  /** Set while it waits for the event that it follows from, which is no failure. */
  readonly waiting?: Waiting
}

/** What is done of one partition: everything below an offset, and single records above it. */
export class PartitionProgress {
  /** The failures of records that are tried again. */
  readonly failed = new Map<bigint, RecordFailure>()
  /** Why the partition halted; undefined while it did not. */
  halted: Error | undefined
  private readonly done = new Set<bigint>()
  /** Everything below is done. */
  private next = 0n

  /**
   * Begins a batch at its first offset.
   *
   * One from before what is done says that reading went back: after a rebalance, or because the topic was made anew. Then all counts again.
   */
  begin(first: bigint): void {
    if (first < this.next) {
      this.done.clear()
      this.failed.clear()
    }
    this.next = first
  }

  isDone(offset: bigint): boolean {
    return offset < this.next || this.done.has(offset)
  }

  finish(offset: bigint): void {
    this.done.add(offset)
    this.failed.delete(offset)
  }

  /**
   * Where to read on in a batch: behind its last record, or at the first that is not done; undefined for a batch without records.
   *
   * Offsets have holes, so only the records themselves tell what comes next.
   */
  nextOffset(offsets: readonly bigint[]): bigint | undefined {
    const open = offsets.find((offset) => !this.isDone(offset))
    const last = offsets.at(-1)
    if (last === undefined) return undefined
    this.next = open ?? last + 1n
    for (const offset of this.done) if (offset < this.next) this.done.delete(offset)
    return this.next
  }
}
