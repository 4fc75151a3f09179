import { silentLogger, type EventStore, type Logger } from '@tidemark/eventstore'
import { BridgeConfigurationError } from '../errors.js'
import type { KafkaProducerPort, TopicSettings } from '../kafka-producer-port.js'
import type { PayloadSerializer } from '../payload-serializer.js'
import type { BridgeDefinition } from './define-bridge.js'
import type { PlanContext } from './plan-records.js'
import { RecordSender, type RecordSenderOptions } from './record-sender.js'
import { TopicPartitions } from './topic-partitions.js'

/** What sending the records of a bridge takes, whoever does it. */
export interface SendOptions {
  /** Where the records go; it is connected, and left to the caller to disconnect. */
  readonly producer: KafkaProducerPort
  /** How many events are in flight at most, and so are sent again at most after a crash; 500 unless said. */
  readonly batchSize?: number
  /** What the topics accept as `max.message.bytes`; 1,048,576 unless said. */
  readonly maxMessageBytes?: number
  /** Creates topics that are missing, like this, where the definition does not say. */
  readonly createTopics?: TopicSettings
  /** How long a topic may be missing or denied before events for it are parked; 5,000 ms unless said. */
  readonly topicPatienceMs?: number
  /** Makes the records' values; without it the definition's `payload` does. */
  readonly serializer?: PayloadSerializer
  readonly logger?: Logger
}

/** @throws {BridgeConfigurationError} an option is unusable. */
export function checkSendOptions(bridge: string, options: Omit<SendOptions, 'producer'>): void {
  const { batchSize = 500, maxMessageBytes = 1_048_576, topicPatienceMs = 5000 } = options
  const refuse = (what: string) => new BridgeConfigurationError(`bridge "${bridge}": ${what}`)
  if (!Number.isInteger(batchSize) || batchSize < 1) throw refuse('batchSize is a whole number from 1')
  if (!(maxMessageBytes >= 1024)) throw refuse('maxMessageBytes is at least 1024')
  if (!(topicPatienceMs >= 0)) throw refuse('topicPatienceMs is 0 or more')
}

/** How records are made and sent. */
export interface SendingParts {
  readonly context: PlanContext
  readonly topics: TopicPartitions
  readonly sender: RecordSender
}

export function createSendingParts(
  store: EventStore,
  definition: BridgeDefinition,
  options: SendOptions & Pick<RecordSenderOptions, 'signal' | 'onSent' | 'topics'>,
): SendingParts {
  const { producer, topics, signal, onSent, logger = silentLogger } = options
  const { maxMessageBytes = 1_048_576, serializer } = options
  return {
    topics,
    context: { definition, schema: store.database.schema, topics, maxMessageBytes, serializer },
    sender: new RecordSender({ definition, producer, topics, maxMessageBytes, signal, logger, onSent }),
  }
}

/** Knows nothing of the topics yet. */
export function createTopicPartitions(
  producer: KafkaProducerPort,
  definition: BridgeDefinition,
  {
    createTopics = definition.createTopics,
    topicPatienceMs: patienceMs = 5000,
    checkIntervalMs,
  }: Pick<SendOptions, 'createTopics' | 'topicPatienceMs'> & { readonly checkIntervalMs: number },
): TopicPartitions {
  return new TopicPartitions(producer, { createTopics, checkIntervalMs, patienceMs })
}
