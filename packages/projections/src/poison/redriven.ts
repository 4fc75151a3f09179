import type { RowKey } from '../define-projection.js'
import type { Row } from '../row.js'

/** What became of the events of a stream that waited. */
export interface Redriven {
  readonly streamId: string
  readonly tenant: string | undefined
  /** Where the events are that were handled. */
  readonly handled: readonly bigint[]
  /** The event that failed again, at which it ended; those after it wait on. */
  readonly failure: { readonly position: bigint; readonly error: Error } | undefined
  /** The rows that changed; none for a handler. */
  readonly rows: readonly RowChange[]
}

export interface RowChange {
  readonly key: RowKey
  readonly before: Row | null
  readonly after: Row | null
}
