import type { Admin } from 'kafkajs'
import { TopicMissingError } from '../errors.js'
import type { KafkaConnectionOptions } from '../kafka-connection.js'
import { commitOffsets } from './commit-offsets.js'
import { readOffsets, refuseActive, withAdmin } from './consumer-admin.js'
import type { ConsumerDefinition } from './define-consumer.js'
import { ConsumerConfigurationError } from './errors.js'

/** Where a group is moved to: an end of its partitions, an offset, or the first record at or after a time. */
export type ResetTarget = 'earliest' | 'latest' | bigint | Date

export interface ResetConsumerOptions {
  readonly to: ResetTarget
  /** Only this topic of the consumer. */
  readonly topic?: string
  /** Only this partition. */
  readonly partition?: number
  /** Tells what would be moved, and moves nothing. */
  readonly dryRun?: boolean
}

/** A partition whose group was moved. */
export interface ResetPartition {
  readonly topic: string
  readonly partition: number
  readonly before: bigint | undefined
  readonly after: bigint
}

/**
 * Moves a consumer's group to another place in its topics.
 *
 * What its inbox remembers stays: events that it has handled are passed over when they come again, unless {@link forgetInbox} is
 * called too. Retry topics stay as they are.
 *
 * @throws {GroupActiveError} a member of the group runs. @throws {ConsumerConfigurationError} there is no such topic, partition or
 * offset. @throws {BrokerUnavailableError} no broker answers.
 *
 * @example
 * await resetConsumer({ brokers: ['127.0.0.1:9092'] }, notifications, { to: new Date('2026-01-01T00:00:00Z') })
 */
export async function resetConsumer(
  kafka: KafkaConnectionOptions,
  definition: ConsumerDefinition,
  { to, topic: only, partition, dryRun = false }: ResetConsumerOptions,
): Promise<readonly ResetPartition[]> {
  const { name, group, topics } = definition
  if (only !== undefined && !topics.includes(only))
    throw new ConsumerConfigurationError(name, `it does not read topic "${only}", only ${topics.join(', ')}`)
  const moved = await withAdmin(kafka, async (admin) => {
    await refuseActive(admin, group)
    const moves: ResetPartition[] = []
    for (const topic of only === undefined ? topics : [only]) moves.push(...(await movesIn(admin, topic)))
    if (moves.length === 0) throw new ConsumerConfigurationError(name, `there is no partition ${String(partition)}`)
    return moves
  })
  if (!dryRun) {
    const offsets = moved.map(({ topic, partition: number, after }) => ({ topic, partition: number, offset: after }))
    await commitOffsets(kafka, group, offsets)
  }
  return moved

  async function movesIn(admin: Admin, topic: string): Promise<ResetPartition[]> {
    if (!(await admin.listTopics()).includes(topic)) throw new TopicMissingError(topic)
    const all = await readOffsets(admin, group, topic)
    const atTime = to instanceof Date ? await admin.fetchTopicOffsetsByTimestamp(topic, to.getTime()) : []
    return all
      .filter((each) => partition === undefined || each.partition === partition)
      .map((each) => {
        const first = atTime.find((found) => found.partition === each.partition)
        const after =
          to === 'earliest'
            ? each.earliest
            : to === 'latest'
              ? each.end
              : typeof to === 'bigint'
                ? to
                : BigInt(first?.offset ?? each.end)
        if (after < each.earliest || after > each.end)
          throw new ConsumerConfigurationError(
            name,
            `${topic}/${each.partition} has offsets ${each.earliest} to ${each.end}, not ${after}`,
          )
        return { topic, partition: each.partition, before: each.committed, after }
      })
  }
}
