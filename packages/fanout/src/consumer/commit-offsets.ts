import type { KafkaConnectionOptions } from '../kafka-connection.js'
import { createKafkajsClient } from '../kafkajs/kafkajs-client.js'
import { translateKafkajsError } from '../kafkajs/kafkajs-errors.js'
import { ClientSockets } from '../kafkajs/client-sockets.js'

/** What a group is to read next in a partition. */
export interface OffsetToCommit {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
}

/**
 * Commits offsets of a group that has no member, all at once.
 *
 * It joins the group for that moment, which the broker demands. kafkajs has a function of its own, which waits five seconds a topic: that is how long its
 * consumer looks for records, and the offsets are committed by the way.
 */
export async function commitOffsets(
  kafka: KafkaConnectionOptions,
  groupId: string,
  offsets: readonly OffsetToCommit[],
): Promise<void> {
  const sockets = new ClientSockets()
  const consumer = createKafkajsClient(kafka, sockets).consumer({
    groupId,
    allowAutoTopicCreation: false,
    maxWaitTimeInMs: 100,
    // A coordinator may be just starting.
    retry: { retries: 8, initialRetryTime: 100, maxRetryTime: 2000 },
  })
  const topics = [...new Set(offsets.map(({ topic }) => topic))]
  try {
    await consumer.connect()
    await consumer.subscribe({ topics, fromBeginning: true })
    const joined = new Promise<void>((resolve, reject) => {
      consumer.on(consumer.events.GROUP_JOIN, () => resolve())
      consumer.on(consumer.events.CRASH, ({ payload: { error } }) => reject(error))
    })
    joined.catch(() => undefined)
    await consumer.run({ autoCommit: false, eachBatch: () => Promise.resolve() })
    await joined
    await consumer.commitOffsets(offsets.map((each) => ({ ...each, offset: String(each.offset) })))
  } catch (error) {
    throw translateKafkajsError(error, kafka.brokers)
  } finally {
    await consumer.disconnect().catch(() => undefined)
    sockets.close()
  }
}
