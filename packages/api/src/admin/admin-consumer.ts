import type { EventConsumer } from './event-types.js'

/**
 * What the admin API needs of a consumer; `operableConsumer(…)` of `@tidemark/fanout` makes one of a definition.
 *
 * Without the functions, which take Kafka, the routes say what is missing.
 */
export interface AdminConsumer extends EventConsumer {
  /** Its consumer group. */
  readonly group: string
  readonly topics: readonly string[]
  lag?(): Promise<AdminConsumerLag>
  /** Moves its group. */
  reset?(options: AdminReset): Promise<readonly AdminMoved[]>
  /** How many records of its dead-letter topics a redrive would look at. */
  deadLetters?(): Promise<bigint>
  /** Sends its dead letters back to their topics. */
  redrive?(options: { readonly signal: AbortSignal }): Promise<{ readonly redriven: number; readonly left: number }>
}

export interface AdminConsumerLag {
  readonly group: string
  /** Kafka's state of the group. */
  readonly state: string
  readonly members: number
  readonly lag: bigint
  readonly lagMs: number
  readonly partitions: readonly AdminPartitionLag[]
}

export interface AdminPartitionLag {
  readonly topic: string
  readonly partition: number
  readonly committed: bigint | undefined
  readonly end: bigint
  readonly lag: bigint
  readonly lagMs: number
}

export interface AdminReset {
  /** An end of its partitions, an offset, or the first record at or after a time. */
  readonly to: 'earliest' | 'latest' | bigint | Date
  readonly topic?: string
  readonly partition?: number
  /** Has it handle again what it has handled before. */
  readonly forgetInbox: boolean
  readonly dryRun: boolean
}

/** A partition whose group was moved. */
export interface AdminMoved {
  readonly topic: string
  readonly partition: number
  readonly before: bigint | undefined
  readonly after: bigint
}
