/** How something that follows the log is getting on: a projection, or a bridge. */
export interface OperableStatus {
  readonly kind: 'projection' | 'bridge'
  readonly name: string
  readonly state: 'running' | 'waiting-for-lease' | 'retrying' | 'failed' | 'paused' | 'stopped'
  /** The last position that it has finished. */
  readonly position: bigint
  /** The highest position that is safe to read. */
  readonly head: bigint
  /** Head minus position: how many positions it is behind. */
  readonly lag: bigint
  /** How long the oldest event that it has not handled has been in the log, in milliseconds; 0 when there is none. Absent where nobody looks. */
  readonly lagMs?: number
  /** How many positions it advanced per second lately; undefined when unknown. */
  readonly eventsPerSecond?: number | undefined
  /** When it is at the head if it goes on like that, in milliseconds; undefined when unknown. */
  readonly etaMs?: number | undefined
  /** Why it does not get on; undefined when it does. */
  readonly stall?: Stall | undefined
  /** What it met last, or why it stands still, for people. */
  readonly error: string | undefined
  /** The process that has its lease. */
  readonly owner: string | undefined
}

/** Why something that follows the log does not get on. */
export type Stall =
  /** An open append keeps the head where it is; without a pid it is a prepared transaction. */
  | { readonly reason: 'head-held-back'; readonly pid: number | undefined }
  /** The next batch fails again and again; `retryInMs` is undefined when nobody tries any more. */
  | {
      readonly reason: 'poison'
      readonly error: string
      readonly failures: number
      readonly retryInMs: number | undefined
    }
  /** Nobody runs all of it; or `owner` has it and does not move. */
  | { readonly reason: 'lease'; readonly owner: string | undefined }
  /** Somebody paused it. */
  | { readonly reason: 'paused'; readonly why: string }
  /** The code has another version than the one that is live. */
  | { readonly reason: 'other-version-live'; readonly version: number }
  /** The database does not answer, or refuses for the time being. */
  | { readonly reason: 'database'; readonly error: string }
  /** Kafka does not answer, or refuses for the time being. */
  | { readonly reason: 'broker'; readonly error: string }

/** Something that can be looked at and operated, whatever it does with the log. */
export interface Operable {
  readonly kind: OperableStatus['kind']
  readonly name: string
  status(): Promise<OperableStatus>
}
