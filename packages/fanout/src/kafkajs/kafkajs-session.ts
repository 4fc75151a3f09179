import kafkajs, {
  type IHeaders,
  type Kafka,
  type Message,
  type Producer,
  type RecordMetadata,
  type TopicMessages,
} from 'kafkajs'
import { UnacknowledgedError } from '../errors.js'
import type { RawKafkaRecord } from '../kafka-producer-port.js'
import type { ProducerSession } from '../send-lane.js'

/** kafkajs's own retries of one send, in which the brokers recognise what they have already: finite, about 6 s of pauses. */
const retry = { retries: 6, initialRetryTime: 100, maxRetryTime: 2000 }

/** The broker gives up waiting for its replicas before we give up waiting for the broker. */
const replicationTimeoutMs = 10_000

/**
 * One kafkajs producer from its connection to its end: one producer id, one row of sequence numbers.
 *
 * Its owner sends once at a time, and takes a new session when {@link KafkajsSession.usable} is false.
 */
export class KafkajsSession implements ProducerSession {
  /**
   * False once a send failed or had to be tried again.
   *
   * A failed request gives its sequence numbers back while requests of the same send to other brokers may still be on their way.
   * The next records of the same number would then take numbers that a broker has already seen: it acknowledges them and writes
   * nothing. A new producer id has no such past.
   */
  usable = true
  private sending: Promise<unknown> | undefined
  private closing = false
  private attempts = 0
  private firstMessage: Message | undefined
  private readonly producer: Producer

  constructor(kafka: Kafka) {
    this.producer = kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      metadataMaxAge: 30_000,
      retry,
      createPartitioner: () => (args) => this.partitionOf(args.message),
    })
  }

  connect(): Promise<void> {
    return this.producer.connect()
  }

  async send(records: readonly RawKafkaRecord[]): Promise<void> {
    const topicMessages = byTopic(records)
    this.attempts = 0
    this.firstMessage = topicMessages[0]?.messages[0]
    const sending = this.producer.sendBatch({ acks: -1, timeout: replicationTimeoutMs, topicMessages })
    this.sending = sending.catch(() => undefined)
    try {
      checkAcknowledged(records, await sending)
      if (this.attempts !== 1) this.usable = false
    } catch (error) {
      this.usable = false
      throw error
    }
  }

  /**
   * Disconnects now, and once more after a send in work has ended: kafkajs connects again for its retries.
   *
   * What was on its way may still be written. That repeats records; it cannot put one before its predecessors, since those were
   * acknowledged before it was sent.
   */
  async close(): Promise<void> {
    this.usable = false
    this.closing = true
    await this.disconnect()
    void this.sending?.then(() => this.disconnect())
  }

  private async disconnect(): Promise<void> {
    await this.producer.disconnect().catch(() => undefined)
  }

  /** Called by kafkajs for every message of every try. */
  private partitionOf(message: Message): number {
    if (message === this.firstMessage) this.attempts++
    if (this.closing) throw new kafkajs.KafkaJSNonRetriableError('the producer was closed')
    if (message.partition === undefined) throw new kafkajs.KafkaJSNonRetriableError('a record without a partition')
    return message.partition
  }
}

function byTopic(records: readonly RawKafkaRecord[]): TopicMessages[] {
  const topics = new Map<string, Message[]>()
  for (const { topic, partition, key, value, headers } of records) {
    let messages = topics.get(topic)
    if (!messages) topics.set(topic, (messages = []))
    messages.push({ partition, key, value, headers: headers as IHeaders })
  }
  return [...topics].map(([topic, messages]) => ({ topic, messages }))
}

/**
 * kafkajs counts answers per broker: a partition whose leader moves, between two tries, to a broker that has answered already, or
 * that is gone from the metadata, is left out in silence. So each partition must have an answer of its own.
 */
function checkAcknowledged(records: readonly RawKafkaRecord[], answers: readonly RecordMetadata[]): void {
  const missing = new Set(records.map(({ topic, partition }) => `${topic}/${partition}`))
  for (const { topicName, partition, errorCode } of answers) {
    if (errorCode === 0) missing.delete(`${topicName}/${partition}`)
  }
  if (missing.size > 0) throw new UnacknowledgedError([...missing])
}
