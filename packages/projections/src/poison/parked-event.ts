/** An event that a projection has set aside. */
export interface ParkedEvent {
  readonly projection: string
  /** The table of a read model, or the handler at its version, that lacks it. */
  readonly consumer: string
  readonly position: bigint
  /** `failed` at it, `blocked` by an earlier one of its stream, or `skipped` for good. */
  readonly status: 'failed' | 'blocked' | 'skipped'
  readonly eventId: string
  readonly streamId: string
  readonly tenant: string | undefined
  readonly version: bigint
  readonly type: string
  /** The keys of the rows that lack it, as text, as far as the code could tell. */
  readonly keys: readonly string[]
  /** What it met; undefined for one that is blocked. */
  readonly error: ParkedError | undefined
  /** How often it was tried since it was set aside, and by the projector before. */
  readonly attempts: number
  /** How many later events of its stream wait for it. */
  readonly blocks: number
  /** Why somebody skipped it. */
  readonly reason: string | undefined
  readonly parkedAt: Date
}

export interface ParkedError {
  readonly code: string | undefined
  readonly message: string
  readonly stack: string | undefined
  /** The same for failures that are alike. */
  readonly fingerprint: string
}

/** Which parked events are meant; those of all if empty. */
export interface ParkedSelection {
  readonly projection?: string
  readonly positions?: readonly bigint[]
  readonly fingerprint?: string
  readonly status?: ParkedEvent['status']
}
