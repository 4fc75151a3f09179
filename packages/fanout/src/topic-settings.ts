import { BridgeConfigurationError } from './errors.js'
import type { NewTopic, TopicSettings } from './kafka-producer-port.js'

const compressions = ['producer', 'uncompressed', 'gzip', 'snappy', 'lz4', 'zstd']

/** @throws {BridgeConfigurationError} a setting of a topic for events cannot be. */
export function checkTopicSettings(bridge: string, settings: TopicSettings): void {
  const refuse = (what: string) => new BridgeConfigurationError(`bridge "${bridge}": createTopics.${what}`)
  const { partitions, replicationFactor, retentionMs, retentionBytes, minInsyncReplicas } = settings
  const { cleanupPolicy = 'delete', compression = 'producer' } = settings
  for (const [name, value, least] of [
    ['partitions', partitions, 1],
    ['replicationFactor', replicationFactor, 1],
    ['retentionMs', retentionMs ?? -1, -1],
    ['retentionBytes', retentionBytes ?? -1, -1],
    ['minInsyncReplicas', minInsyncReplicas ?? 1, 1],
  ] as const) {
    if (!Number.isSafeInteger(value) || value < least) throw refuse(`${name} is a whole number from ${least}`)
  }
  if (minInsyncReplicas !== undefined && minInsyncReplicas > replicationFactor)
    throw refuse('minInsyncReplicas is more than its replicationFactor: nothing could be written')
  if (!compressions.includes(compression))
    throw refuse(`compression ${JSON.stringify(compression)} is not one of ${compressions.join(', ')}`)
  if ((cleanupPolicy as string) !== 'delete')
    throw refuse(
      `cleanupPolicy cannot be ${JSON.stringify(cleanupPolicy)}: compaction keeps the last event of a stream and drops those before it, so topics of events have "delete"`,
    )
}

/** The settings as Kafka names them. */
export function topicConfigOf(settings: NewTopic): Readonly<Record<string, string>> {
  const { retentionMs, retentionBytes, cleanupPolicy = 'delete', compression, minInsyncReplicas } = settings
  return {
    'cleanup.policy': cleanupPolicy,
    ...(retentionMs !== undefined && { 'retention.ms': String(retentionMs) }),
    ...(retentionBytes !== undefined && { 'retention.bytes': String(retentionBytes) }),
    ...(compression !== undefined && { 'compression.type': compression }),
    ...(minInsyncReplicas !== undefined && { 'min.insync.replicas': String(minInsyncReplicas) }),
  }
}
