import type { RowKey, TouchedRow } from '@tidemark/projections'

/** The rows that changed lately, so that clients that come back need no look into the log each. */
export class RecentChanges {
  private changes: readonly TouchedRow[] = []
  /** All changes after this position are here. */
  private start: bigint

  constructor(
    position: bigint,
    private readonly max: number,
  ) {
    this.start = position
  }

  get since(): bigint {
    return this.start
  }

  append(touched: readonly TouchedRow[]): void {
    const all = [...this.changes, ...touched]
    const dropped = all.length > this.max ? all[all.length - this.max - 1] : undefined
    this.changes = dropped ? all.slice(-this.max) : all
    if (dropped) this.start = dropped.position
  }

  /** Puts older changes before those that are here; false when there is no room for them. */
  prepend(touched: readonly TouchedRow[], since: bigint): boolean {
    if (touched.length + this.changes.length > this.max) return false
    this.changes = [...touched, ...this.changes]
    this.start = since
    return true
  }

  /** The rows that changed after a position, each with its last change, in the order of these. */
  after(position: bigint): ReadonlyMap<RowKey, bigint> {
    const found = new Map<RowKey, bigint>()
    for (let index = this.indexAfter(position); index < this.changes.length; index++) {
      const change = this.changes[index]
      if (!change) continue
      // Set anew it comes last.
      found.delete(change.key)
      found.set(change.key, change.position)
    }
    return found
  }

  private indexAfter(position: bigint): number {
    const index = this.changes.findLastIndex((change) => change.position <= position)
    return index + 1
  }
}
