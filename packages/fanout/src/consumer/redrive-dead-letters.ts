import type { KafkaConnectionOptions } from '../kafka-connection.js'
import { createKafkaProducer } from '../kafkajs/kafkajs-producer.js'
import type { RawKafkaRecord } from '../kafka-producer-port.js'
import { readOffsets, refuseActive, withAdmin } from './consumer-admin.js'
import { isWithoutValue, originalGroupOf, originalPlaceOf, ownHeaders } from './dead-letter-headers.js'
import type { ConsumerDefinition } from './define-consumer.js'
import { ConsumerConfigurationError } from './errors.js'
import type { ConsumedBatch, ConsumedRecord } from './kafka-consumer-port.js'
import { createKafkaConsumer } from '../kafkajs/kafkajs-consumer.js'
import { deadLetterTopicsOf } from './retry-topics.js'

export interface RedriveOptions {
  /** Only dead letters for which this is true are sent again; the others count as seen. All unless said. */
  readonly only?: (record: ConsumedRecord) => boolean
  /** Ends it after the batch in work; what was sent until then is remembered. */
  readonly signal?: AbortSignal
}

/** What was done with dead letters. */
export interface RedriveReport {
  /** How many were sent to their topics again. */
  readonly redriven: number
  /** How many were left: other groups' letters, those that `only` leaves out, and those whose value was too large for a letter. */
  readonly left: number
}

/**
 * Sends the dead letters of a consumer back to the topics and partitions that they come from, with the headers that they had.
 *
 * Each letter is sent once: group `<group>.redrive` remembers how far it got, and a letter of a record that fails again is a new one.
 * Letters that arrive meanwhile wait for the next call. After a crash some may be sent twice, which inboxes notice. Every consumer
 * group of the topic gets the record again.
 *
 * @throws {ConsumerConfigurationError} it has no dead letters, or an inbox that would take them for handled.
 * @throws {GroupActiveError} somebody redrives them already. @throws {BrokerUnavailableError} no broker answers. @throws the reason of the signal.
 *
 * @example
 * const { redriven } = await redriveDeadLetters({ brokers: ['127.0.0.1:9092'] }, notifications)
 */
export async function redriveDeadLetters(
  kafka: KafkaConnectionOptions,
  definition: ConsumerDefinition,
  { only = () => true, signal }: RedriveOptions = {},
): Promise<RedriveReport> {
  const group = redriveGroupOf(definition)
  const open = new Map((await openPlaces(kafka, definition)).map(({ place, end }) => [place, end]))
  const isOwn = (record: ConsumedRecord) => originalGroupOf(record) === definition.group && !isWithoutValue(record)
  const report = { redriven: 0, left: 0 }
  if (open.size === 0) return report

  const producer = createKafkaProducer(kafka)
  const reader = createKafkaConsumer(kafka)
  const { promise: finished, resolve: finish, reject: fail } = withResolvers()
  const stop = () => fail(signal?.reason)
  if (signal?.aborted) stop()
  signal?.addEventListener('abort', stop, { once: true })
  const passed = (place: string, next: bigint) => {
    const end = open.get(place)
    if (end !== undefined && next >= end) open.delete(place)
    if (open.size === 0) finish()
  }
  const redrive = async ({ topic, partition, records, nextOffset }: ConsumedBatch): Promise<bigint | undefined> => {
    const place = `${topic}/${partition}`
    const end = open.get(place)
    const due = end === undefined ? [] : records.filter(({ offset }) => offset < end)
    const own = due.filter((record) => isOwn(record) && only(record))
    await producer.send(own.map(recordAgain))
    report.redriven += own.length
    report.left += due.length - own.length
    const next = due.at(-1)
    passed(place, nextOffset)
    return next && next.offset + 1n
  }
  try {
    await reader.run({
      ...{ group, topics: [...new Set([...open.keys()].map(topicOfPlace))], from: 'earliest', partitionsAtOnce: 1 },
      sessionTimeoutMs: 30_000,
      onAssigned: () => undefined,
      onPassed: (topic, partition, next) => passed(`${topic}/${partition}`, next),
      onTrouble: fail,
      handle: async (batch, control) => {
        const next = await redrive(batch)
        if (next !== undefined) control.done(next)
        return { resumeInMs: open.has(`${batch.topic}/${batch.partition}`) ? 0 : Infinity }
      },
    })
    await finished
  } finally {
    signal?.removeEventListener('abort', stop)
    await reader.stop()
    await producer.disconnect()
  }
  return report
}

/**
 * How many records of the dead-letter topics {@link redriveDeadLetters} would look at; those that it would leave are counted too.
 *
 * @throws the same.
 *
 * @example
 * if ((await countDeadLetters({ brokers: ['127.0.0.1:9092'] }, notifications)) > 0n) console.log('somebody should look at them')
 */
export async function countDeadLetters(kafka: KafkaConnectionOptions, definition: ConsumerDefinition): Promise<bigint> {
  return (await openPlaces(kafka, definition)).reduce((sum, { next, end }) => sum + end - next, 0n)
}

const redriveGroupOf = ({ group }: ConsumerDefinition) => `${group}.redrive`

/** The partitions of dead-letter topics that were not redriven to their end. */
function openPlaces(
  kafka: KafkaConnectionOptions,
  definition: ConsumerDefinition,
): Promise<readonly { readonly place: string; readonly next: bigint; readonly end: bigint }[]> {
  const { name, deadLetter, inbox } = definition
  if (!deadLetter) throw new ConsumerConfigurationError(name, 'it has no dead letters: deadLetter is false')
  if (inbox.by === 'version')
    throw new ConsumerConfigurationError(name, 'a version inbox would take what is redriven for handled')
  const group = redriveGroupOf(definition)
  return withAdmin(kafka, async (admin) => {
    await refuseActive(admin, group)
    const there = new Set(await admin.listTopics())
    const places = []
    for (const topic of deadLetterTopicsOf(definition).values()) {
      if (!there.has(topic)) continue
      for (const { partition, earliest, end, committed = earliest } of await readOffsets(admin, group, topic)) {
        // What retention has deleted can no longer be sent.
        const next = committed < earliest ? earliest : committed
        if (next < end) places.push({ place: `${topic}/${partition}`, next, end })
      }
    }
    return places
  })
}

function recordAgain(record: ConsumedRecord): RawKafkaRecord {
  const { topic, partition } = originalPlaceOf(record)
  return { topic, partition, key: record.key, value: record.value, headers: ownHeaders(record) }
}

const topicOfPlace = (place: string) => place.slice(0, place.lastIndexOf('/'))

function withResolvers(): {
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
} {
  let resolve: () => void = () => undefined
  let reject: (error: unknown) => void = () => undefined
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  promise.catch(() => undefined)
  return { promise, resolve, reject }
}
