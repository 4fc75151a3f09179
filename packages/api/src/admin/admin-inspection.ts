/** What a check has found: that all is well, or what is wrong and what to do about it. */
export interface AdminFinding {
  readonly check: string
  /** An `error` is something that does not work, or that can lose data. */
  readonly level: 'ok' | 'warning' | 'error'
  readonly message: string
  readonly remedy?: string | undefined
}

/** How the database of the log stands. */
export interface AdminDatabaseStatus {
  /** Where it is, without who logs in. */
  readonly database: string
  readonly schema: string
  /** The migration that the schema is at, and the newest that this code knows. */
  readonly version: number
  readonly newest: number
  readonly state: 'current' | 'too old' | 'too new'
  readonly epoch?: string | undefined
  /** The highest position that is safe to read. */
  readonly head?: bigint | undefined
  /** The highest position that was taken. */
  readonly lastPosition?: bigint | undefined
  /** The backend whose open append holds the head. */
  readonly heldBackByPid?: number | null | undefined
}
