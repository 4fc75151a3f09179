import type { Projection, RowKey } from '../define-projection.js'
import { ProjectionError } from '../errors.js'
import type { RowFold, Step } from '../fold-rows.js'
import type { Row } from '../row.js'

/** Rows in memory that are folded key by key: one whose fold fails leaves the others alone. */
export class FoldedKeys {
  readonly rows = new Map<RowKey, Row | null>()
  /** Why the row of a key could not be folded. */
  readonly failures = new Map<RowKey, ProjectionError>()

  constructor(
    readonly projection: Projection,
    private readonly folder: RowFold,
  ) {}

  /** Folds the wanted keys of steps, in order; returns those that were touched. */
  apply(steps: readonly Step[], isWanted: (key: RowKey) => boolean): ReadonlySet<RowKey> {
    const touched = new Set<RowKey>()
    for (const { event, keys, failure } of steps) {
      // Nobody can tell which keys it is about.
      if (failure) throw failure
      for (const key of keys) {
        if (!isWanted(key) || this.failures.has(key)) continue
        try {
          touched.add(key)
          this.folder.apply([{ event, keys: [key] }], this.rows)
        } catch (error) {
          if (!(error instanceof ProjectionError)) throw error
          this.failures.set(key, error)
        }
      }
    }
    return touched
  }
}
