/** Up to where a partition was written, or read by a group: the offset of the next record. */
export interface PartitionOffset {
  readonly partition: number
  readonly offset: bigint
}

/** What operating a bridge needs of Kafka besides sending. An implementation's errors are of this package. */
export interface KafkaAdminPort {
  /**
   * Where the partitions of a topic end now, those left out that hold nothing; undefined when it does not exist.
   *
   * @throws {BrokerUnavailableError} no broker answers.
   */
  endOffsets(topic: string): Promise<readonly PartitionOffset[] | undefined>
  /** Up to where a consumer group has committed what it read of a topic; partitions without a commit are left out. */
  committedOffsets(group: string, topic: string): Promise<readonly PartitionOffset[]>
  /** Lets go of all connections. */
  disconnect(): Promise<void>
}
