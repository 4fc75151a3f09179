import type { LogFilter, OperableStatus } from '@tidemark/eventstore'

/**
 * What the admin API needs of a bridge; `operableBridge(…)` of `@tidemark/fanout` makes one of a definition.
 *
 * Without `retry` or `replay` these routes say that the bridge cannot do it here.
 */
export interface AdminBridge {
  readonly name: string
  /** Which events it publishes. */
  readonly filter: LogFilter
  /** The topics that are known before the first event. */
  readonly topics: readonly string[]
  status(): Promise<AdminBridgeStatus>
  pause(reason: string): Promise<boolean>
  resume(): Promise<boolean>
  /** What is parked after a position, in the order of the log. */
  parked(page: { readonly after?: bigint; readonly limit: number }): Promise<readonly AdminParkedRecord[]>
  /** Publishes parked events again; of some keys, or of all. */
  retry?(options: {
    readonly keys?: readonly string[]
    readonly signal: AbortSignal
  }): Promise<readonly AdminRetriedKey[]>
  /** Publishes a part of the log again. */
  replay?(options: AdminReplay): Promise<{ published: number; leftOut: number; position: bigint }>
}

export interface AdminBridgeStatus extends OperableStatus {
  readonly parkedKeys: number
  readonly parkedEvents: number
  readonly oldestUnsentMs: number
}

export interface AdminParkedRecord {
  readonly position: bigint
  readonly status: 'failed' | 'blocked'
  readonly eventId: string
  readonly streamId: string
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
