import type { ClusterMetadata, MessageToProduce, Producer, ProducerOptions, ProduceResult } from '@platformatic/kafka'
import { BridgeConfigurationError, BrokerUnavailableError, KafkaRefusedError, UnacknowledgedError } from '../errors.js'
import type { RawKafkaRecord } from '../kafka-producer-port.js'
import type { KafkaConnectionOptions } from '../kafka-connection.js'
import type { ProducerSession } from '../send-lane.js'
import { BoundedClient } from './bounded-client.js'
import { loadPlatformatic } from './load-platformatic.js'
import { isUnknownTopic } from './platformatic-errors.js'
import { platformaticOptionsOf } from './platformatic-options.js'

const metadataMaxAgeMs = 30_000

/** Sequence numbers are 32 bits and the client does not let them start anew, so a session ends long before. */
const mostRecords = 2 ** 30

/** How often an answer may be overdue before a send is given up: each time it is tried again on a new connection. */
const mostOverdue = 3

const settings = {
  /** For one send, in which the brokers recognise what they have already: finite, 2 s of pauses. */
  retries: 8,
  retryDelay: 250,
  maxInflights: 1,
  /** The broker gives up waiting for its replicas before we give up waiting for the broker. */
  timeout: 10_000,
  /** We ask for metadata ourselves: see {@link PlatformaticSession.send}. */
  metadataMaxAge: Number.MAX_SAFE_INTEGER,
} as const

/**
 * One producer of `@platformatic/kafka` from its connection to its end: one producer id, one row of sequence numbers.
 *
 * Its owner sends once at a time, and takes a new session when {@link PlatformaticSession.usable} is false.
 */
export class PlatformaticSession implements ProducerSession {
  /**
   * False once a send failed.
   *
   * The sequence numbers of a failed send stay where they were even for partitions that were written. The next records would take
   * numbers that the broker has already seen: it acknowledges them and writes nothing.
   */
  usable = true
  private bounded: BoundedClient<Producer> | undefined
  private readonly refreshedAt = new Map<string, number>()
  private sent = 0

  constructor(private readonly options: KafkaConnectionOptions) {}

  async connect(): Promise<void> {
    const { Producer } = await loadPlatformatic()
    const { brokers, requestTimeoutMs = 15_000 } = this.options
    // Idempotence is asked for with each send: asked for here, it means retries without end.
    const options: ProducerOptions<Buffer, Buffer, Buffer, Buffer> = {
      ...platformaticOptionsOf(this.options),
      ...settings,
    }
    const unavailable = (reason: string) => new BrokerUnavailableError(brokers, reason)
    const producer: Producer = new Producer(options)
    this.bounded = new BoundedClient(producer, requestTimeoutMs, unavailable)
    await this.bounded.within(1, producer.initIdempotentProducer({}))
  }

  /**
   * The client writes a record for a partition that is not there into another one, and throws where nobody can catch it when it
   * meets a leader that is gone. So every record is checked first, against metadata that it then uses itself.
   */
  async send(records: readonly RawKafkaRecord[]): Promise<void> {
    const { bounded } = this
    if (!bounded) throw new Error('a session is connected before it sends')
    try {
      const sending = this.checkedSend(bounded.client, records)
      checkAcknowledged(records, await bounded.within(mostOverdue, sending))
      this.sent += records.length
      if (this.sent > mostRecords) this.usable = false
    } catch (error) {
      this.usable = false
      throw error
    }
  }

  /**
   * Lets go of everything now. What was on its way may still be written. That repeats records; it cannot put one before its
   * predecessors, since those were acknowledged before it was sent.
   */
  async close(): Promise<void> {
    this.usable = false
    await this.bounded?.close()
  }

  private async checkedSend(producer: Producer, records: readonly RawKafkaRecord[]): Promise<ProduceResult> {
    const topics = [...new Set(records.map(({ topic }) => topic))]
    checkPartitions(records, await this.metadataOf(producer, topics))
    // Aborted or overdue while we asked: a new session may be at work already.
    if (!this.usable) throw new UnacknowledgedError(partitionsOf(records))
    return producer.send({ idempotent: true, acks: -1, repeatOnStaleMetadata: false, messages: records.map(messageOf) })
  }

  private async metadataOf(producer: Producer, topics: readonly string[]): Promise<ClusterMetadata> {
    const oldest = Math.min(...topics.map((topic) => this.refreshedAt.get(topic) ?? -Infinity))
    const forceUpdate = performance.now() - oldest > metadataMaxAgeMs
    try {
      const metadata = await producer.metadata({ topics: [...topics], forceUpdate })
      if (forceUpdate) for (const topic of topics) this.refreshedAt.set(topic, performance.now())
      return metadata
    } catch (error) {
      if (!isUnknownTopic(error)) throw error
      throw new KafkaRefusedError(
        'UNKNOWN_TOPIC_OR_PARTITION',
        `Kafka refused (UNKNOWN_TOPIC_OR_PARTITION): of the topics ${topics.join(', ')} one does not exist`,
        { cause: error, retryable: true },
      )
    }
  }
}

/**
 * In bytes, so that the client has nothing to translate.
 *
 * @throws {BridgeConfigurationError} the record has no key or no value, which the client would write as empty ones.
 */
function messageOf({ topic, partition, key, value, headers }: RawKafkaRecord): MessageToProduce {
  if (key === null || value === null)
    throw new BridgeConfigurationError(
      `a record for topic "${topic}" has no ${key === null ? 'key' : 'value'}, which @platformatic/kafka cannot write: send it with createKafkaProducer`,
    )
  const bytes = Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((each): [Buffer, Buffer] => [Buffer.from(name), Buffer.from(each)]),
  )
  return { topic, partition, key: Buffer.from(key), value, headers: new Map(bytes) }
}

function partitionsOf(records: readonly RawKafkaRecord[]): string[] {
  return [...new Set(records.map(({ topic, partition }) => `${topic}/${partition}`))]
}

function checkPartitions(records: readonly RawKafkaRecord[], { topics, brokers }: ClusterMetadata): void {
  const leaders = records.map(({ topic, partition }) => topics.get(topic)?.partitions[partition]?.leader)
  const unknown = records.filter((_, index) => leaders[index] === undefined)
  if (unknown.length > 0) throw new UnacknowledgedError(partitionsOf(unknown))
  const headless = records.filter((_, index) => !brokers.has(leaders[index] ?? -1))
  if (headless.length === 0) return
  const what = partitionsOf(headless).join(', ')
  throw new KafkaRefusedError('LEADER_NOT_AVAILABLE', `Kafka has no leader for ${what}`, { retryable: true })
}

/** The client's promise is not enough: each partition must have an answer of its own. */
function checkAcknowledged(records: readonly RawKafkaRecord[], { offsets = [] }: ProduceResult): void {
  const missing = new Set(partitionsOf(records))
  for (const { topic, partition } of offsets) missing.delete(`${topic}/${partition}`)
  if (missing.size > 0) throw new UnacknowledgedError([...missing])
}
