import { setTimeout as sleep } from 'node:timers/promises'
import { PartitionCountChangedError, TopicMissingError } from '../errors.js'
import type { KafkaProducerPort, TopicSettings } from '../kafka-producer-port.js'

/**
 * How many partitions each topic has, as it was when the bridge first saw it.
 *
 * The number decides the partition of every key, so a bridge keeps to the one that it started with, and halts once Kafka has another.
 */
export class TopicPartitions {
  private readonly counts = new Map<string, number>()
  private checkedAt = performance.now()

  constructor(
    private readonly producer: KafkaProducerPort,
    private readonly createTopics: TopicSettings | undefined,
    private readonly checkIntervalMs: number,
  ) {}

  /** @throws {TopicMissingError} a topic does not exist, and the bridge may not create it. */
  async learn(topics: Iterable<string>): Promise<void> {
    for (const topic of topics) {
      if (this.counts.has(topic)) continue
      let count = await this.producer.partitionCount(topic)
      if (count === undefined && this.createTopics) {
        await this.producer.createTopic(topic, this.createTopics)
        count = await this.countOnceKnown(topic)
      }
      if (count === undefined) throw new TopicMissingError(topic)
      this.counts.set(topic, count)
    }
  }

  /**
   * Asks Kafka again, from time to time.
   *
   * @throws {PartitionCountChangedError} @throws {TopicMissingError}
   */
  async check(): Promise<void> {
    if (performance.now() - this.checkedAt < this.checkIntervalMs) return
    for (const [topic, before] of this.counts) {
      const now = await this.producer.partitionCount(topic)
      if (now === undefined) throw new TopicMissingError(topic)
      if (now !== before) throw new PartitionCountChangedError(topic, before, now)
    }
    this.checkedAt = performance.now()
  }

  /** Makes the next check ask Kafka: after a failure much may be different. */
  distrust(): void {
    this.checkedAt = -Infinity
  }

  /** A new topic is known to one broker first, and to the others some moments later. */
  private async countOnceKnown(topic: string): Promise<number | undefined> {
    const deadline = performance.now() + 5000
    for (;;) {
      const count = await this.producer.partitionCount(topic)
      if (count !== undefined || performance.now() > deadline) return count
      await sleep(100)
    }
  }

  countOf(topic: string): number {
    const count = this.counts.get(topic)
    if (count === undefined) throw new TopicMissingError(topic)
    return count
  }
}
