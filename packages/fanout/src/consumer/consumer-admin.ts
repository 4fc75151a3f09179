import type { Admin } from 'kafkajs'
import { setTimeout as sleep } from 'node:timers/promises'
import { KafkaRefusedError } from '../errors.js'
import type { KafkaConnectionOptions } from '../kafka-connection.js'
import { createKafkajsClient } from '../kafkajs/kafkajs-client.js'
import { translateKafkajsError } from '../kafkajs/kafkajs-errors.js'
import { GroupActiveError } from './errors.js'

/** How long a coordinator that is just starting is waited for. */
const patienceMs = 15_000

/**
 * Works with Kafka's administration, and lets go of the connection afterwards.
 *
 * The work is done again after an error that may pass, such as a coordinator that is just starting; so it must bear that.
 */
export async function withAdmin<T>(kafka: KafkaConnectionOptions, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = createKafkajsClient(kafka).admin()
  const deadline = performance.now() + patienceMs
  try {
    await connectedTo(kafka, () => admin.connect())
    for (;;) {
      try {
        return await connectedTo(kafka, () => work(admin))
      } catch (error) {
        if (!(error instanceof KafkaRefusedError && error.retryable) || performance.now() > deadline) throw error
        await sleep(300)
      }
    }
  } finally {
    await admin.disconnect().catch(() => undefined)
  }
}

async function connectedTo<T>({ brokers }: KafkaConnectionOptions, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw translateKafkajsError(error, brokers)
  }
}

/** Kafka's states of a group: `Empty` has offsets and no member, `Dead` is not known to it. */
export type GroupState = 'Unknown' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable' | 'Dead' | 'Empty'

/** How a consumer group is, and how many members it has. */
export async function readGroup(
  admin: Admin,
  group: string,
): Promise<{ readonly state: GroupState; readonly members: number }> {
  const { groups } = await admin.describeGroups([group])
  return { state: groups[0]?.state ?? 'Unknown', members: groups[0]?.members.length ?? 0 }
}

/** @throws {GroupActiveError} a member of the group runs. */
export async function refuseActive(admin: Admin, group: string): Promise<void> {
  const { state } = await readGroup(admin, group)
  if (state !== 'Empty' && state !== 'Dead') throw new GroupActiveError(group, state)
}

/** The ends of a partition, and where a group is in it. */
export interface PartitionOffsets {
  readonly partition: number
  /** The first record that is still there. */
  readonly earliest: bigint
  /** What the next record will have. */
  readonly end: bigint
  /** The next record of the group; undefined while it has committed none. */
  readonly committed: bigint | undefined
}

/** Where a group is in the partitions of a topic. */
export async function readOffsets(admin: Admin, group: string, topic: string): Promise<PartitionOffsets[]> {
  const ends = await admin.fetchTopicOffsets(topic)
  const [own] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
  const committed = new Map(own?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]))
  return ends
    .map(({ partition, low, high }) => {
      const offset = committed.get(partition) ?? -1n
      return { partition, earliest: BigInt(low), end: BigInt(high), committed: offset < 0n ? undefined : offset }
    })
    .sort((one, other) => one.partition - other.partition)
}
