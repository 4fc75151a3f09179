/** A record as Kafka takes it, with the partition that the sender chose: key and value may be missing, and headers are bytes. */
export interface RawKafkaRecord {
  readonly topic: string
  readonly partition: number
  readonly key: string | Buffer | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, string | Buffer | readonly Buffer[]>>
}

/** A record of an event on its way to Kafka. */
export interface KafkaRecord extends RawKafkaRecord {
  readonly key: string
  readonly value: Buffer
  readonly headers: Readonly<Record<string, string>>
}

/** What a new topic looks like. */
export interface TopicSettings {
  readonly partitions: number
  readonly replicationFactor: number
  /** How long records are kept at least, in milliseconds, -1 for ever; the broker's default unless said. */
  readonly retentionMs?: number
  /** How much of each partition is kept at least, in bytes, -1 for all; the broker's default unless said. */
  readonly retentionBytes?: number
  /** Events are deleted by age or size, and never compacted. */
  readonly cleanupPolicy?: 'delete'
  /** How the broker stores records; as they come unless said. Consumers need the codec. */
  readonly compression?: 'producer' | 'uncompressed' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  /** How many replicas must have a record before it is acknowledged; the broker's default unless said. */
  readonly minInsyncReplicas?: number
}

/** A topic that is made; one that keeps only the last record of each key is for state, never for events. */
export interface NewTopic extends Omit<TopicSettings, 'cleanupPolicy'> {
  readonly cleanupPolicy?: 'delete' | 'compact'
}

/** Transactions under one id, from when it was taken to the first error. */
export interface KafkaTransactions {
  /**
   * Sends records and commits them, all or none, and waits until the brokers have done so.
   *
   * After an error they may be committed or not: take the id again and look.
   *
   * @throws {FanoutError} such as {@link KafkaRefusedError}, where another process has taken the id.
   */
  commit(records: readonly RawKafkaRecord[], options?: { readonly signal?: AbortSignal }): Promise<void>
  /** Aborts what is not committed, and lets go of the connections. */
  close(): Promise<void>
}

/** A record as it was read back: `ce_id` and `ce_source`. */
export interface TailRecord {
  readonly partition: number
  readonly id: string
  readonly source: string
}

/**
 * What a bridge needs of a Kafka client.
 *
 * An implementation promises: acknowledged by all in-sync replicas, idempotent, finite retries, the partition never changed,
 * and one send at a time. Its errors are of this package, and `retryable` says whether the same call may succeed later.
 */
export interface KafkaProducerPort {
  /**
   * Connects, so that a wrong address shows at start; calling it again does nothing.
   *
   * @throws {BrokerUnavailableError} no broker answers.
   */
  connect(): Promise<void>
  /** How many partitions a topic has now; undefined when it does not exist. Never creates it. */
  partitionCount(topic: string): Promise<number | undefined>
  /** Creates a topic; one that exists stays as it is. */
  createTopic(topic: string, settings: NewTopic): Promise<void>
  /**
   * Sends records, in their order within each partition, and waits until the brokers have acknowledged them all.
   *
   * Calls wait for each other. After an error any part may have been written, so send again from the first record on. Aborting
   * the signal stops the waiting, not the records.
   *
   * @throws {BatchTooLargeError} the records of one partition are more than the broker takes at once.
   * @throws {BrokerUnavailableError} @throws {KafkaRefusedError} @throws {UnacknowledgedError} @throws {SendAbortedError}
   */
  send(records: readonly RawKafkaRecord[], options?: { readonly signal?: AbortSignal }): Promise<void>
  /** Whether a topic keeps only the last record of each key; undefined where one may not look. Without this method nobody looks. */
  isCompacted?(topic: string): Promise<boolean | undefined>
  /**
   * What the last `count` records of some partitions say of themselves, to know what was published by another process.
   *
   * @returns undefined where the topic may not be read, or not by this client. Without this method nothing is read.
   * @throws {BrokerUnavailableError} no broker answers.
   */
  readTail?(topic: string, partitions: readonly number[], count: number): Promise<readonly TailRecord[] | undefined>
  /**
   * Takes a transactional id from whoever had it: what that one had not committed is aborted, and it commits no more. Without this method a bridge cannot be
   * transactional.
   */
  openTransactions?(transactionalId: string): Promise<KafkaTransactions>
  /** The value of the last record of a partition that was committed; undefined where there is none. It goes with {@link KafkaProducerPort.openTransactions}. */
  readLastCommitted?(topic: string, partition: number): Promise<Buffer | undefined>
  /** Lets go of all connections; the producer cannot be used again. */
  disconnect(): Promise<void>
}
