/** A record as it was read from Kafka. */
export interface ConsumedRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  /** Milliseconds since 1970. */
  readonly timestamp: number
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  readonly key: Buffer | null
  /** Null for a tombstone. */
  readonly value: Buffer | null
  /** A name that is there several times has several values. */
  readonly headers: Readonly<Record<string, Buffer | readonly Buffer[]>>
}

/** Some records of one partition, in their order. */
export interface ConsumedBatch {
  readonly topic: string
  readonly partition: number
  readonly records: readonly ConsumedRecord[]
  /** Where the next batch begins: behind the last record, and behind markers of transactions that follow it. */
  readonly nextOffset: bigint
  /** The offset that the next record of the partition will have. */
  readonly highWatermark: bigint
}

/** How a batch ended. */
export interface BatchOutcome {
  /** When the partition is read again, from the first record that is not done; at once unless said, never for `Infinity`. */
  readonly resumeInMs: number
  /** The partition is read from this offset then, whatever is committed. */
  readonly readFrom?: bigint
}

/** What a handler of batches gets besides the batch. */
export interface BatchControl {
  /** Aborted when the partition is taken away, or the consumer stops: no further record is begun. */
  readonly signal: AbortSignal
  /** Everything below this offset is done: it is committed soon, and before the partition is given away. */
  done(nextOffset: bigint): void
}

/** How a consumer reads. */
export interface ConsumeOptions {
  readonly group: string
  readonly topics: readonly string[]
  /** Where a group starts that has no offset. */
  readonly from: 'earliest' | 'latest'
  /** How many partitions are handled at the same time. */
  readonly partitionsAtOnce: number
  /** After how long without a sign of life the brokers give a member's partitions to others. */
  readonly sessionTimeoutMs: number
  /** Called for one batch of a partition at a time; what it throws ends the reading, and it begins again after a pause. */
  readonly handle: (batch: ConsumedBatch, control: BatchControl) => Promise<BatchOutcome>
  /**
   * Where partitions that this member got are read from, by `topic/partition`; where the group has committed, for those that are left out and without
   * it. Called each time that partitions were shared out, and again after a pause when it fails. No batch is handed over before.
   */
  readonly startOffsets?: (
    partitions: Readonly<Record<string, readonly number[]>>,
  ) => Promise<ReadonlyMap<string, bigint>>
  /** Called with what this member has got, each time that partitions were shared out. */
  readonly onAssigned: (partitions: Readonly<Record<string, readonly number[]>>) => void
  /** Called when a part of a partition was read that has no record for consumers: markers of transactions, and what was taken back. */
  readonly onPassed?: (topic: string, partition: number, nextOffset: bigint) => void
  /** Called when reading broke, before it begins again. */
  readonly onTrouble: (error: Error) => void
}

/**
 * What a consumer needs of a Kafka client.
 *
 * An implementation promises: offsets are committed only as far as `done` said; the batches of a partition that is taken away are
 * waited for before the group goes on; one that resumes later holds up no other partition.
 */
export interface KafkaConsumerPort {
  /** Reads until {@link KafkaConsumerPort.stop}; resolves when partitions were shared out for the first time. */
  run(options: ConsumeOptions): Promise<void>
  /** Begins no more records, waits for those at work, commits what is done, and leaves the group. */
  stop(): Promise<void>
}
