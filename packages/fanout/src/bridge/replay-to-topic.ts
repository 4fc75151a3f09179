import type { EventStore, RecordedEvent } from '@tidemark/eventstore'
import { setTimeout as sleep } from 'node:timers/promises'
import { BridgeConfigurationError } from '../errors.js'
import { selectWaiting } from '../sql/parked-record-statements.js'
import {
  checkSendOptions,
  createSendingParts,
  createTopicPartitions,
  type SendingParts,
  type SendOptions,
} from './bridge-options.js'
import { listBridges } from './bridge-status.js'
import type { BridgeDefinition } from './define-bridge.js'
import { planRecords } from './plan-records.js'
import { checkTopic } from './topic-choice.js'
import { WaitingKeys } from './waiting-keys.js'

/** Timers cannot wait longer, and do not wait at all when they are told to. */
const longestSleepMs = 2 ** 31 - 1

/** Which part of the log is published again, where to, and how fast. */
export interface ReplayToTopicOptions extends SendOptions {
  /** The first position; 1 unless said. */
  readonly from?: bigint
  /** The last position; as far as the bridge has come where its own topics are meant, else the head. A later one is not gone to. */
  readonly to?: bigint
  /** One topic for all of it; the topics of the definition unless said. */
  readonly topic?: string
  /** Events per second at most; as fast as the brokers take them unless said. */
  readonly eventsPerSecond?: number
  /** Called after each batch with the position that it has reached. */
  readonly onProgress?: (progress: { readonly done: bigint; readonly total: bigint }) => void
  readonly signal?: AbortSignal
}

/** What was published again. */
export interface ReplayedToTopic {
  /** How many records were published. */
  readonly published: number
  /** How many events could not be published, or wait for one that could not, here or with the bridge. */
  readonly leftOut: number
  /** The last position that was looked at. */
  readonly position: bigint
}

/**
 * Publishes a range of the log again, to the topics of a bridge or to another one, beside the live flow and without touching its checkpoint.
 *
 * Records are those that the bridge would make, with the same ids, so consumers with an inbox do an event once. To the topics of the bridge it goes no
 * further than the bridge has come, and leaves parked keys alone: a repetition must not be a first occurrence. To another topic it may go up to the head.
 *
 * @throws {BridgeConfigurationError} an option is unusable. @throws {BrokerUnavailableError} Kafka does not answer; call it again with a later `from`.
 *
 * @example
 * await replayToTopic(store, orders, { producer, from: 1n, topic: 'order.events.again', eventsPerSecond: 500 })
 */
export async function replayToTopic(
  store: EventStore,
  definition: BridgeDefinition,
  options: ReplayToTopicOptions,
): Promise<ReplayedToTopic> {
  checkSendOptions(definition.name, options)
  const { from = 1n, eventsPerSecond = Infinity, batchSize = 500, onProgress, producer } = options
  const { signal = new AbortController().signal } = options
  if (!(eventsPerSecond > 0))
    throw new BridgeConfigurationError(`bridge "${definition.name}": eventsPerSecond is above 0`)
  await producer.connect()
  const { target, total, waiting } = await aimOf(store, definition, options)
  await options.serializer?.prepare(target)
  const topics = createTopicPartitions(producer, target, { ...options, checkIntervalMs: 30_000 })
  const parts = createSendingParts(store, target, { ...options, signal, topics })
  const startedAt = performance.now()
  const limit = Math.min(batchSize, Math.ceil(eventsPerSecond))
  let [published, leftOut, position] = [0, 0, from - 1n]
  while (position < total) {
    signal.throwIfAborted()
    const { events, through } = await store.log.read({ ...definition.filter, after: position, upTo: total, limit })
    const sent = await publishAgain(parts, events, waiting)
    published += sent.published
    leftOut += sent.leftOut
    position = through
    onProgress?.({ done: position, total })
    const aheadMs = (published / eventsPerSecond) * 1000 - (performance.now() - startedAt)
    if (aheadMs > 0) await sleep(Math.min(aheadMs, longestSleepMs), undefined, { signal })
  }
  return { published, leftOut, position }
}

interface Aim {
  readonly target: BridgeDefinition
  /** The last position. */
  readonly total: bigint
  /** What is left out, since the bridge has not published it. */
  readonly waiting: WaitingKeys
}

async function aimOf(
  store: EventStore,
  definition: BridgeDefinition,
  { topic, to }: Pick<ReplayToTopicOptions, 'topic' | 'to'>,
): Promise<Aim> {
  const target: BridgeDefinition = {
    ...{ ...definition, onUnpublishable: 'park' },
    ...(topic !== undefined && { topics: [checkTopic(definition.name, topic)], topicOf: () => topic }),
  }
  // Where a definition does not name its topics, any may be one of them.
  const mayBeOwn = topic === undefined || definition.topics.length === 0 || definition.topics.includes(topic)
  const [status] = await listBridges(store, [definition])
  const end = (mayBeOwn ? status?.position : status?.head) ?? 0n
  // What is parked up to a position was parked before the bridge came there.
  const waiting = new WaitingKeys(mayBeOwn ? await selectWaiting(store.database, definition.name) : [])
  return { target, total: to !== undefined && to < end ? to : end, waiting }
}

async function publishAgain(
  { context, topics, sender }: SendingParts,
  events: readonly RecordedEvent[],
  waiting: WaitingKeys,
): Promise<{ readonly published: number; readonly leftOut: number }> {
  const leftOut = new Set<bigint>()
  let published = 0
  for (let left = events; ;) {
    await topics.check({ mayRefuse: true })
    const { records, setAside, obstacle } = await planRecords(context, left, waiting)
    for (const { event } of setAside) leftOut.add(event.position)
    let reached: bigint | undefined
    const again = await sender.send(records, async (group) => {
      published += group.length
      reached = group.at(-1)?.event.position
    })
    if (!again && obstacle) throw obstacle
    if (!again) return { published, leftOut: leftOut.size }
    const refused = left.find(({ position }) => position === again.refused?.position)
    if (refused) waiting.add(refused, again.refused?.key)
    left = left.filter(({ position }) => reached === undefined || position > reached)
  }
}
