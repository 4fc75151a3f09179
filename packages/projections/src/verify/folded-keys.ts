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

  /**
   * Folds steps, in order, into the rows that are to have them; returns the keys that were touched.
   *
   * @throws {HandlerFailedError} an event could not be upcast, or its rows not be told, and `isKnownToFail` does not say so.
   */
  apply(
    steps: readonly Step[],
    isDue: (key: RowKey, position: bigint) => boolean,
    isKnownToFail: (position: bigint) => boolean,
  ): ReadonlySet<RowKey> {
    const touched = new Set<RowKey>()
    for (const { event, keys, failure } of steps) {
      if (failure && !isKnownToFail(event.position)) throw failure
      for (const key of keys) {
        if (!isDue(key, event.position) || this.failures.has(key)) continue
        touched.add(key)
        try {
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
