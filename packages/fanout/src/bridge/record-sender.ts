import { failpoint, type Logger } from '@tidemark/eventstore'
import { BatchTooLargeError, EventNotPublishableError } from '../errors.js'
import type { KafkaProducerPort } from '../kafka-producer-port.js'
import type { BridgeDefinition } from './define-bridge.js'
import type { EventRecord } from './record-of-event.js'
import { sendGroups } from './send-groups.js'
import { isTopicTrouble, type TopicPartitions } from './topic-partitions.js'

/** Why records were not all sent; what is left has to be planned anew. */
export interface PlanAgain {
  /** The event that the broker does not take; undefined where only the groups have to be others. */
  readonly refused: EventNotPublishableError | undefined
}

export interface RecordSenderOptions {
  readonly definition: BridgeDefinition
  readonly producer: KafkaProducerPort
  readonly topics: TopicPartitions
  readonly maxMessageBytes: number
  readonly signal: AbortSignal
  readonly logger: Logger
  /** Called after each request: how many records were acknowledged in how many milliseconds, or that it failed. */
  readonly onSent?: ((sent: { readonly records: number; readonly durationMs: number } | 'failed') => void) | undefined
}

/** Sends records in their order, one group after the other, and learns what the brokers take. */
export class RecordSender {
  /** What goes to a partition at once; less than a message may have, once a broker took less than that. */
  private maxGroupBytes: number
  /** After a refusal groups have one topic each, so that one knows whose it was. */
  private oneTopicAtATime = false

  constructor(private readonly options: RecordSenderOptions) {
    this.maxGroupBytes = options.maxMessageBytes
  }

  /**
   * Sends all, and calls `acknowledged` after each group; undefined when everything was sent.
   *
   * What has been acknowledged is a prefix of the records. After any error nothing later is sent. `transmit` sends a group, by the producer unless said.
   */
  async send(
    records: readonly EventRecord[],
    acknowledged: (group: readonly EventRecord[]) => Promise<void>,
    transmit = (group: readonly EventRecord[]) => this.sendPlainly(group),
  ): Promise<PlanAgain | undefined> {
    for (const group of sendGroups(records, this.maxGroupBytes, { oneTopic: this.oneTopicAtATime })) {
      try {
        await failpoint?.('bridge.before-send')
        const sentAt = performance.now()
        await transmit(group)
        this.options.onSent?.({ records: group.length, durationMs: performance.now() - sentAt })
        await failpoint?.('bridge.after-send')
      } catch (error) {
        this.options.onSent?.('failed')
        const again = this.answerTo(error, group)
        if (again) return again
        throw error
      }
      this.options.topics.work(topicsOf(group))
      await acknowledged(group)
    }
    this.oneTopicAtATime = false
    return undefined
  }

  private sendPlainly(group: readonly EventRecord[]): Promise<void> {
    const { producer, signal } = this.options
    return producer.send(
      group.map(({ record }) => record),
      { signal },
    )
  }

  private answerTo(error: unknown, group: readonly EventRecord[]): PlanAgain | undefined {
    const { definition, topics, logger } = this.options
    const [first, second] = group
    if (error instanceof BatchTooLargeError) {
      if (first && !second) return { refused: tooLarge(first, error) }
      this.maxGroupBytes = Math.ceil(this.maxGroupBytes / 2)
      logger.warn({ bridge: definition.name, maxGroupBytes: this.maxGroupBytes }, 'the broker takes less at once')
      return { refused: undefined }
    }
    if (!isTopicTrouble(error) || definition.onUnpublishable === 'halt') return undefined
    const [topic, other] = topicsOf(group)
    if (other !== undefined) {
      this.oneTopicAtATime = true
      return { refused: undefined }
    }
    return topic !== undefined && topics.lasts(topic, error) ? { refused: undefined } : undefined
  }
}

function topicsOf(group: readonly EventRecord[]): Set<string> {
  return new Set(group.map(({ record }) => record.topic))
}

function tooLarge({ event, record, bytes }: EventRecord, cause: Error): EventNotPublishableError {
  const reason = `topic "${record.topic}" refuses its record of ${bytes} bytes: raise max.message.bytes of the topic, or store large payloads by reference`
  return new EventNotPublishableError(event, { key: record.key, reason, bytes, cause })
}
