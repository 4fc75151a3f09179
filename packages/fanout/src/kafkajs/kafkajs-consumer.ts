import { silentLogger, type Logger } from '@tidemark/eventstore'
import type { Consumer, EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KafkaConnectionOptions } from '../kafka-connection.js'
import { createKafkajsClient } from './kafkajs-client.js'
import { translateKafkajsError } from './kafkajs-errors.js'
import type {
  BatchOutcome,
  ConsumedRecord,
  ConsumeOptions,
  KafkaConsumerPort,
} from '../consumer/kafka-consumer-port.js'
import { registerCodecs } from './kafkajs-codecs.js'
import { ClientSockets } from './client-sockets.js'

/** How often a batch at work gives a sign of life and commits what is done. */
const beatMs = 500
/** A member that waits for records learns of a rebalance no sooner. */
const maxWaitMs = 500
/** How long the brokers wait for the members to give up their partitions. */
const rebalanceTimeoutMs = 60_000
const retries = { retries: 8, initialRetryTime: 100, maxRetryTime: 2000 }
const restartMs = 2000
/** How long a partition rests whose place is looked up. */
const placingMs = 100
/** How long brokers may take to let a member go that has nothing at work any more. */
const leaveMs = 5000

/** A consumer that reads from Kafka by kafkajs; nothing is connected yet. */
export function createKafkaConsumer(options: KafkaConnectionOptions): KafkaConsumerPort {
  registerCodecs()
  const sockets = new ClientSockets()
  const kafka = createKafkajsClient(options, sockets)
  return new KafkajsConsumer(kafka, sockets, options.brokers, options.logger ?? silentLogger)
}

/** A batch that is being handled. */
interface BatchAtWork {
  readonly giveUp: AbortController
  /** Why the group was lost meanwhile. */
  lost: Error | undefined
}

class KafkajsConsumer implements KafkaConsumerPort {
  private consumer: Consumer | undefined
  private readonly atWork = new Set<BatchAtWork>()
  /** What is being done with batches: handled, or committed afterwards. */
  private readonly unfinished = new Set<Promise<void>>()
  private readonly resumptions = new Map<string, NodeJS.Timeout>()
  /** Rises each time that partitions were shared out: offsets of an earlier time are not committed any more. */
  private generation = 0
  /** The generation whose partitions are read from where they should be. */
  private placed = 0
  private restart: NodeJS.Timeout | undefined
  private stopped = false

  constructor(
    private readonly kafka: Kafka,
    private readonly sockets: ClientSockets,
    private readonly brokers: readonly string[],
    private readonly logger: Logger,
  ) {}

  async run(options: ConsumeOptions): Promise<void> {
    try {
      await this.begin(options)
    } catch (error) {
      await this.stop()
      throw translateKafkajsError(error, this.brokers)
    }
  }

  async stop(): Promise<void> {
    this.stopped = true
    clearTimeout(this.restart)
    for (const batch of this.atWork) batch.giveUp.abort()
    for (const timer of this.resumptions.values()) clearTimeout(timer)
    this.resumptions.clear()
    const { consumer } = this
    this.consumer = undefined
    const left = leave(consumer).catch((error: unknown) =>
      this.logger.debug({ err: error }, 'a consumer left its group without an answer'),
    )
    // Handlers take the time that they need; brokers that do not answer are not waited for.
    await Promise.allSettled(this.unfinished)
    await this.sockets.closeAfter(left, leaveMs)
  }

  private async begin(options: ConsumeOptions): Promise<void> {
    const { group, topics, from, partitionsAtOnce, sessionTimeoutMs } = options
    const consumer = this.kafka.consumer({
      groupId: group,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: Math.min(3000, Math.floor(sessionTimeoutMs / 3)),
      rebalanceTimeout: rebalanceTimeoutMs,
      maxWaitTimeInMs: maxWaitMs,
      allowAutoTopicCreation: false,
      // Otherwise kafkajs joins again after it was stopped, when it was about to.
      retry: { ...retries, restartOnFailure: () => Promise.resolve(!this.stopped) },
    })
    this.consumer = consumer
    const joined = new Promise<void>((resolve, reject) => {
      consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
        this.generation++
        for (const batch of this.atWork) this.lose(batch, undefined)
        options.onAssigned(payload.memberAssignment)
        void this.place(consumer, payload.memberAssignment, options)
        resolve()
      })
      consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
        const { topic, partition, batchSize, lastOffset } = payload
        if (batchSize === 0) options.onPassed?.(topic, partition, BigInt(lastOffset) + 1n)
      })
      consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
        const trouble = translateKafkajsError(error, this.brokers)
        // A coordinator that is just starting passes: kafkajs begins again by itself.
        if (!restart) reject(trouble)
        if (this.stopped || this.consumer !== consumer) return
        options.onTrouble(trouble)
        // kafkajs gives up after errors that it takes for final; a broker that was set right deserves another try.
        if (!restart) this.beginAgain(options)
      })
    })
    joined.catch(() => undefined)
    await consumer.connect()
    await consumer.subscribe({ topics: [...topics], fromBeginning: from === 'earliest' })
    if (this.stopped) return
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: partitionsAtOnce,
      eachBatch: async (payload) => {
        const work = this.handle(payload, options)
        this.unfinished.add(work)
        await work.finally(() => this.unfinished.delete(work))
      },
    })
    await joined
  }

  /** Has partitions read from where the caller says. */
  private async place(
    consumer: Consumer,
    assigned: Readonly<Record<string, readonly number[]>>,
    { startOffsets, onTrouble }: ConsumeOptions,
  ): Promise<void> {
    const { generation } = this
    while (generation === this.generation && !this.stopped) {
      try {
        const offsets = await startOffsets?.(assigned)
        if (generation !== this.generation) return
        for (const [place, offset] of offsets ?? []) seek(consumer, place, offset)
        this.placed = generation
        return
      } catch (error) {
        onTrouble(error instanceof Error ? error : new Error(String(error)))
        await sleep(restartMs, undefined, { ref: false })
      }
    }
  }

  private beginAgain(options: ConsumeOptions): void {
    this.restart = setTimeout(() => {
      this.begin(options).catch((error: unknown) => {
        if (this.stopped) return
        options.onTrouble(translateKafkajsError(error, this.brokers))
        this.beginAgain(options)
      })
    }, restartMs)
  }

  private async handle(payload: EachBatchPayload, options: ConsumeOptions): Promise<void> {
    if (this.stopped || payload.isStale()) return
    const { topic, partition, messages, highWatermark } = payload.batch
    const { generation } = this
    if (this.placed !== generation) return this.pause(payload, placingMs)
    const batch: BatchAtWork = { giveUp: new AbortController(), lost: undefined }
    this.atWork.add(batch)
    let done: bigint | undefined
    let committed: bigint | undefined
    const commit = async () => {
      if (done === undefined || done === committed || generation !== this.generation) return
      const upTo = done
      payload.resolveOffset(String(upTo - 1n))
      // What was resolved may be behind `upTo`: the markers of transactions follow the last record.
      const resolved = payload.uncommittedOffsets().topics.find((each) => each.topic === topic)
      // kafkajs counts partitions in texts here, whatever its types say.
      const own = resolved?.partitions.find((each) => String(each.partition) === String(partition))
      const partitions = [{ partition, offset: own?.offset ?? String(upTo) }]
      await payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions }] })
      committed = upTo
    }
    const stopBeating = everyBeat(async () => {
      try {
        await payload.heartbeat()
        await commit()
      } catch (error) {
        // All partitions of all members are shared out anew, so every batch at work ends.
        for (const each of this.atWork) this.lose(each, error as Error)
      }
    })
    let outcome: BatchOutcome
    try {
      const records = messages.map((message) => recordOf(topic, partition, message))
      const control = { signal: batch.giveUp.signal, done: (next: bigint) => void (done = next) }
      const nextOffset = BigInt(payload.batch.lastOffset()) + 1n
      const read = { topic, partition, records, nextOffset, highWatermark: BigInt(highWatermark) }
      outcome = await options.handle(read, control)
    } catch (error) {
      options.onTrouble(error instanceof Error ? error : new Error(String(error)))
      outcome = { resumeInMs: restartMs }
    } finally {
      await stopBeating()
      this.atWork.delete(batch)
    }
    const { resumeInMs, readFrom } = outcome
    if (resumeInMs > 0) this.pause(payload, resumeInMs)
    await commit()
    if (readFrom !== undefined && this.consumer) seek(this.consumer, `${topic}/${partition}`, readFrom)
    if (batch.lost !== undefined) throw batch.lost
  }

  private lose(batch: BatchAtWork, reason: Error | undefined): void {
    batch.lost ??= reason
    batch.giveUp.abort()
  }

  private pause(payload: EachBatchPayload, resumeInMs: number): void {
    const { batch } = payload
    const resume = payload.pause()
    const name = `${batch.topic}/${batch.partition}`
    clearTimeout(this.resumptions.get(name))
    this.resumptions.delete(name)
    if (resumeInMs === Infinity || this.stopped) return
    this.resumptions.set(
      name,
      setTimeout(() => {
        this.resumptions.delete(name)
        resume()
      }, resumeInMs),
    )
    this.logger.debug({ topic: batch.topic, partition: batch.partition, resumeInMs }, 'a partition is paused')
  }
}

async function leave(consumer: Consumer | undefined): Promise<void> {
  await consumer?.stop()
  await consumer?.disconnect()
}

function seek(consumer: Consumer, place: string, offset: bigint): void {
  const slash = place.lastIndexOf('/')
  const [topic, partition] = [place.slice(0, slash), Number(place.slice(slash + 1))]
  consumer.seek({ topic, partition, offset: String(offset) })
}

/** Calls `beat` again and again, never two at a time; what is returned ends it and waits for the last. */
function everyBeat(beat: () => Promise<void>): () => Promise<void> {
  let beating: Promise<void> | undefined
  const timer = setInterval(() => {
    beating ??= beat().finally(() => (beating = undefined))
  }, beatMs)
  return async () => {
    clearInterval(timer)
    await beating
  }
}

const kafkajsLogAppendTime = 1

/** kafkajs hands on which clock a timestamp is from, but its types do not say so. */
type WithTimestampType = { readonly batchContext?: { readonly timestampType?: number } }

function recordOf(topic: string, partition: number, message: KafkaMessage): ConsumedRecord {
  const { offset, timestamp, key, value, headers = {} } = message
  const { batchContext } = message as WithTimestampType
  return {
    ...{ topic, partition, key, value },
    offset: BigInt(offset),
    timestamp: Number(timestamp),
    timestampType: batchContext?.timestampType === kafkajsLogAppendTime ? 'LogAppendTime' : 'CreateTime',
    headers: Object.fromEntries(
      Object.entries(headers).flatMap(([name, header]) => {
        if (header === undefined) return []
        return [[name, Array.isArray(header) ? header.map(bytesOf) : bytesOf(header)]]
      }),
    ),
  }
}

const bytesOf = (header: Buffer | string) => (typeof header === 'string' ? Buffer.from(header) : header)
