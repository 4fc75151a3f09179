/** How a record failed so far. */
export interface RecordFailure {
  /** Of its own. */
  readonly failures: number
  /** Of the world around it, which are tried again for ever. */
  readonly troubles: number
  /** By `performance.now()`. */
  readonly retryAt: number
}

/** What is done of one partition: everything below an offset, and single records above it. */
export class PartitionProgress {
  /** The failures of records that are tried again. */
  readonly failed = new Map<bigint, RecordFailure>()
  /** Why the partition halted; undefined while it did not. */
  halted: Error | undefined
  private readonly done = new Set<bigint>()

  isDone(offset: bigint): boolean {
    return this.done.has(offset)
  }

  finish(offset: bigint): void {
    this.done.add(offset)
    this.failed.delete(offset)
  }

  /**
   * Where to read on after a batch: behind its last record, or at the first that is not done.
   *
   * What is below is forgotten. Offsets have holes, so only the records themselves tell what comes next.
   */
  nextOffset(offsets: readonly bigint[]): bigint | undefined {
    const open = offsets.find((offset) => !this.done.has(offset))
    const last = offsets.at(-1)
    const next = open ?? (last === undefined ? undefined : last + 1n)
    if (next !== undefined) for (const offset of this.done) if (offset < next) this.done.delete(offset)
    return next
  }
}
