import { EventStoreError } from '../errors.js'

/** What is wrong with one row of the source. */
export interface ImportProblem {
  /** The row's `position` in the source. */
  readonly position: bigint
  readonly streamId: string
  readonly reason: string
}

/** Thrown when a row of the source cannot be an event; the batches before it were imported, and the next run goes on from there. */
export class ImportError extends EventStoreError {
  override readonly code = 'EVENTSTORE_IMPORT'
  constructor(readonly problem: ImportProblem) {
    const { position, streamId, reason } = problem
    super(`row ${position} of the source, for stream "${streamId}", cannot be imported: ${reason}`)
  }
}
