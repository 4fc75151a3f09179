/** Which part of the log, and what happens to it. */
export interface ReplayOptions {
  /** The first position; 1 unless said. */
  readonly from?: bigint
  /** The last position; the head unless said. */
  readonly to?: bigint
  /** Only what was recorded at this time or later, by the database's clock. */
  readonly since?: Date
  /** Only what was recorded at this time or before, to the millisecond. */
  readonly until?: Date
  /** Only events of these streams, by their full ids: `order-o-42`. */
  readonly streams?: readonly string[]
  /** Only these types of events, by their present names. */
  readonly types?: readonly string[]
  /** For a handler: whether what it does is kept. Each batch is rolled back unless said. */
  readonly sideEffects?: boolean
  /** Events per batch at most; 2,000 unless said. */
  readonly batchSize?: number
  /** Called after each batch with the position that it has reached. */
  readonly onProgress?: (progress: { readonly done: bigint; readonly total: bigint }) => void
  readonly signal?: AbortSignal
}

/** What a replay through a read model came to. */
export interface ReplayResult {
  /** Events that the projection handled. */
  readonly events: number
  /** Keys whose rows they touched. */
  readonly rowsTouched: number
  /** Keys whose rows they left, and took away. */
  readonly rowsWritten: number
  readonly rowsDeleted: number
}

/** What a replay through a handler came to. */
export interface HandlerReplayResult {
  /** Events that the handler got. */
  readonly events: number
  /** Transactions that it got them in. */
  readonly batches: number
  /** What became of the transactions. */
  readonly effects: 'committed' | 'rolled-back'
}
