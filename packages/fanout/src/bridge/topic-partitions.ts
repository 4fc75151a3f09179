import { setTimeout as sleep } from 'node:timers/promises'
import {
  type FanoutError,
  KafkaRefusedError,
  PartitionCountChangedError,
  TopicCompactedError,
  TopicMissingError,
} from '../errors.js'
import type { KafkaProducerPort, TopicSettings } from '../kafka-producer-port.js'

/** A topic that is missing or denied. */
interface Trouble {
  readonly since: number
  readonly error: Error
  /** Until when it is not asked for again; undefined while it may just be late. */
  readonly refusedUntil: number | undefined
}

const refusedForMs = 30_000
const topicTroubles: ReadonlySet<string> = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'TOPIC_AUTHORIZATION_FAILED',
  'INVALID_TOPIC_EXCEPTION',
  'POLICY_VIOLATION',
])

/** Whether an error says that a topic is not there for us. */
export function isTopicTrouble(error: unknown): error is FanoutError {
  if (error instanceof TopicMissingError || error instanceof TopicCompactedError) return true
  return error instanceof KafkaRefusedError && topicTroubles.has(error.type)
}

export interface TopicPartitionsOptions {
  readonly createTopics: TopicSettings | undefined
  readonly checkIntervalMs: number
  /** How long a topic may be missing or denied before its events are set aside. */
  readonly patienceMs: number
}

/**
 * How many partitions each topic has, as it was when the bridge first saw it.
 *
 * The number decides the partition of every key, so a bridge keeps to the one that it started with, and halts once Kafka has another.
 */
export class TopicPartitions {
  private readonly counts = new Map<string, number>()
  private readonly troubles = new Map<string, Trouble>()
  private checkedAt = performance.now()

  constructor(
    private readonly producer: KafkaProducerPort,
    private readonly options: TopicPartitionsOptions,
  ) {}

  /**
   * @throws {TopicMissingError} a topic does not exist, and the bridge may not create it.
   * @throws {TopicCompactedError} it would lose events.
   */
  async learn(topics: Iterable<string>): Promise<void> {
    for (const topic of topics) {
      if (this.counts.has(topic)) continue
      let count = await this.producer.partitionCount(topic)
      const { createTopics } = this.options
      if (count !== undefined) {
        if (await this.producer.isCompacted?.(topic)) throw new TopicCompactedError(topic)
      } else if (createTopics) {
        await this.producer.createTopic(topic, createTopics)
        count = await this.countOnceKnown(topic)
      }
      if (count === undefined) throw new TopicMissingError(topic)
      this.counts.set(topic, count)
    }
  }

  /**
   * Asks Kafka again, from time to time. Where topics may be refused, one that has been missing or denied for long is passed over.
   *
   * @throws {PartitionCountChangedError} @throws {TopicMissingError} @throws {KafkaRefusedError}
   */
  async check({ mayRefuse }: { readonly mayRefuse: boolean }): Promise<void> {
    if (performance.now() - this.checkedAt < this.options.checkIntervalMs) return
    for (const [topic, before] of this.counts) {
      if (this.refusalOf(topic)) continue
      try {
        const now = await this.producer.partitionCount(topic)
        if (now === undefined) throw new TopicMissingError(topic)
        if (now !== before) throw new PartitionCountChangedError(topic, before, now)
      } catch (error) {
        if (!mayRefuse || !isTopicTrouble(error) || !this.lasts(topic, error)) throw error
      }
    }
    this.checkedAt = performance.now()
  }

  /** Takes the topics as they will be found next. */
  forget(): void {
    this.counts.clear()
    this.troubles.clear()
  }

  /** Makes the next check ask Kafka: after a failure much may be different. */
  distrust(): void {
    this.checkedAt = -Infinity
  }

  /** Notes that a topic is missing or denied; true once that has lasted. A broker that just started may not know its topics yet. */
  lasts(topic: string, error: Error): boolean {
    const now = performance.now()
    const since = this.troubles.get(topic)?.since ?? now
    const refusedUntil = now - since >= this.options.patienceMs ? now + refusedForMs : undefined
    this.troubles.set(topic, { since, error, refusedUntil })
    return refusedUntil !== undefined
  }

  /** Why a topic was refused lately; undefined when it may be tried. */
  refusalOf(topic: string): Error | undefined {
    const trouble = this.troubles.get(topic)
    return trouble?.refusedUntil !== undefined && performance.now() < trouble.refusedUntil ? trouble.error : undefined
  }

  /** Notes that topics took records. */
  work(topics: Iterable<string>): void {
    if (this.troubles.size > 0) for (const topic of topics) this.troubles.delete(topic)
  }

  /** Forgets troubles that have not lasted: after a failure of another kind they tell nothing. */
  forgive(): void {
    for (const [topic, { refusedUntil }] of this.troubles) if (refusedUntil === undefined) this.troubles.delete(topic)
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
