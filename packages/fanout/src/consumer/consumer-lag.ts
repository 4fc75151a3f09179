import type { Admin } from 'kafkajs'
import type { KafkaConnectionOptions } from '../kafka-connection.js'
import { readGroup, readOffsets, withAdmin, type GroupState } from './consumer-admin.js'
import type { ConsumerDefinition } from './define-consumer.js'
import { recordAges } from './record-age.js'
import { topicsReadBy } from './retry-topics.js'

/** How far a group is in one partition. */
export interface PartitionLag {
  readonly topic: string
  readonly partition: number
  /** The next record that it will handle; undefined while it has committed none. */
  readonly committed: bigint | undefined
  /** What the next record of the partition will have. */
  readonly end: bigint
  /** How many records it has yet to handle. */
  readonly lag: bigint
  /** How long ago the next of them was written, in milliseconds, within about 5 %; 0 when there is none. */
  readonly lagMs: number
}

/** How far a consumer's group is. */
export interface ConsumerLag {
  readonly name: string
  readonly group: string
  readonly state: GroupState
  readonly members: number
  /** How many records it has yet to handle, in all partitions. */
  readonly lag: bigint
  /** How long ago the oldest of them was written, in milliseconds. */
  readonly lagMs: number
  readonly partitions: readonly PartitionLag[]
}

/**
 * Reads how far the groups of consumers are, from any process: whether they run or not.
 *
 * Retry topics count as well. The group is not joined, so nothing changes.
 *
 * @throws {BrokerUnavailableError} no broker answers. @throws {KafkaRefusedError} a topic does not exist.
 *
 * @example
 * const [{ lag, lagMs }] = await readConsumerLag({ brokers: ['127.0.0.1:9092'] }, [notifications])
 */
export async function readConsumerLag<const Definitions extends readonly ConsumerDefinition[]>(
  kafka: KafkaConnectionOptions,
  definitions: Definitions,
): Promise<{ readonly [Index in keyof Definitions]: ConsumerLag }> {
  const lags = await withAdmin(kafka, async (admin) => {
    const all: ConsumerLag[] = []
    for (const definition of definitions) all.push(await lagOf(admin, definition))
    return all
  })
  return lags as { readonly [Index in keyof Definitions]: ConsumerLag }
}

async function lagOf(admin: Admin, definition: ConsumerDefinition): Promise<ConsumerLag> {
  const { name, group } = definition
  const partitions: PartitionLag[] = []
  for (const topic of await existing(admin, definition))
    partitions.push(...(await lagInTopic(admin, definition, topic)))
  const lag = partitions.reduce((sum, each) => sum + each.lag, 0n)
  const lagMs = Math.max(0, ...partitions.map((each) => each.lagMs))
  return { name, group, ...(await readGroup(admin, group)), lag, lagMs, partitions }
}

/** Retry topics are there once the consumer was started. */
async function existing(admin: Admin, definition: ConsumerDefinition): Promise<readonly string[]> {
  const there = new Set(await admin.listTopics())
  return topicsReadBy(definition).filter((topic) => definition.topics.includes(topic) || there.has(topic))
}

async function lagInTopic(admin: Admin, { group, from }: ConsumerDefinition, topic: string): Promise<PartitionLag[]> {
  const partitions = (await readOffsets(admin, group, topic)).map(({ partition, earliest, end, committed }) => {
    const start = committed ?? (from === 'earliest' ? earliest : end)
    // What retention has deleted can no longer be handled.
    const next = start < earliest ? earliest : start
    return { topic, partition, committed, end, next, lag: end - next }
  })
  const behind = partitions.filter(({ lag }) => lag > 0n).map(({ partition, next }) => ({ partition, offset: next }))
  const ages = await recordAges(admin, topic, behind)
  return partitions.map(({ next: _next, ...each }) => ({ ...each, lagMs: ages.get(each.partition) ?? 0 }))
}
