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
  /** Why it does not get on. */
  readonly error: string | undefined
  /** The process that has its lease. */
  readonly owner: string | undefined
}

/** Something that can be looked at and operated, whatever it does with the log. */
export interface Operable {
  readonly kind: OperableStatus['kind']
  readonly name: string
  status(): Promise<OperableStatus>
}
