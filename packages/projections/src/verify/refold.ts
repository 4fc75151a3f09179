import type { Database } from '@tidemark/eventstore'
import type { RowKey } from '../define-projection.js'
import type { ProjectionError } from '../errors.js'
import type { LiveTable } from '../live-table.js'
import type { Row } from '../row.js'

/** What keys come to when they are folded again. */
export interface Refolded {
  rowOf(key: RowKey): Row | null
  /** Why the fold of a key failed. */
  failureOf(key: RowKey): ProjectionError | undefined
  /**
   * The truncated streams because of which nothing can be said of a key; none where its history is there.
   *
   * `agrees` says whether the table has what is left of the history.
   */
  truncatedFor(key: RowKey, agrees: boolean): readonly string[]
}

/** Folds keys again from the log, each up to where the live table has it. */
export interface Refold {
  /**
   * Reads through `database`: the caller's transaction, READ COMMITTED, or the store's own.
   *
   * @throws {TableChangedError} the table went on from the call before in another way than by the log.
   */
  upTo(database: Database, live: LiveTable, keys: readonly RowKey[]): Promise<Refolded>
}
