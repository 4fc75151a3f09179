import type { LogFilter, OperableStatus } from '@tidemark/eventstore'

/**
 * What the admin API needs of a bridge; `operableBridge(…)` of `@tidemark/fanout` makes one of a definition.
 *
 * Without `retry`, `replay` or `drain` these routes say that the bridge cannot do it here.
 */
export interface AdminBridge {
  readonly name: string
  /** Which events it publishes. */
  readonly filter: LogFilter
  /** The topics that are known before the first event. */
  readonly topics: readonly string[]
  /** With `measureMs` it looks again after that time where it is behind, to tell how fast it gets on. */
  status(options?: { readonly measureMs?: number }): Promise<AdminBridgeStatus>
  pause(reason: string): Promise<boolean>
  resume(): Promise<boolean>
  /** What is parked after a position, in the order of the log. */
  parked(page: AdminParkedPage): Promise<readonly AdminParkedRecord[]>
  /** Publishes parked events again; of some keys, or of all. */
  retry?(options: {
    readonly keys?: readonly string[]
    readonly signal: AbortSignal
  }): Promise<readonly AdminRetriedKey[]>
  /** Publishes a part of the log again. */
  replay?(options: AdminReplay): Promise<{ published: number; leftOut: number; position: bigint }>
  /** Publishes what is in the log, and waits until consumer groups have read it. */
  drain?(options: AdminDrain): Promise<AdminDrained>
}

export interface AdminBridgeStatus extends OperableStatus {
  readonly kind: 'bridge'
  /** How often the batch that is next has failed. */
  readonly failures: number
  readonly lanes: readonly AdminLane[]
  readonly parkedKeys: number
  readonly parkedEvents: number
  readonly oldestUnsentMs: number
}

/** How one lane of a bridge is getting on. */
export interface AdminLane {
  readonly lane: number
  readonly checkpoint: string
  readonly state: OperableStatus['state']
  readonly position: bigint
  readonly lag: bigint
  readonly owner: string | undefined
  readonly error: string | undefined
}

export interface AdminParkedPage {
  readonly after?: bigint
  readonly limit: number
  readonly key?: string
  readonly status?: AdminParkedRecord['status']
}

export interface AdminParkedRecord {
  readonly bridge: string
  readonly position: bigint
  readonly status: 'failed' | 'blocked'
  readonly eventId: string
  readonly tenant: string | undefined
  readonly streamId: string
  readonly version: bigint
  readonly type: string
  readonly key: string | undefined
  readonly error: { readonly code: string | undefined; readonly message: string } | undefined
  readonly attempts: number
  readonly parkedAt: Date
}

export interface AdminRetriedKey {
  readonly key: string | undefined
  readonly published: number
  readonly dropped: number
  readonly waiting: number
  readonly error: Error | undefined
}

export interface AdminReplay {
  readonly from?: bigint
  readonly to?: bigint
  readonly topic?: string
  readonly eventsPerSecond?: number
  readonly onProgress: (progress: { readonly done: bigint; readonly total: bigint }) => void
  readonly signal: AbortSignal
}

export interface AdminDrain {
  readonly groups: readonly string[]
  readonly topics?: readonly string[]
  readonly timeoutMs: number
  readonly onProgress: AdminReplay['onProgress']
  readonly signal: AbortSignal
}

export interface AdminDrained {
  readonly position: bigint
  readonly parkedEvents: number
  readonly topics: readonly string[]
}
