import type { RawKafkaRecord } from '../kafka-producer-port.js'
import { bytesHeader, textHeader } from './decode-record.js'
import type { ConsumedRecord } from './kafka-consumer-port.js'

type Headers = RawKafkaRecord['headers']

/** Where a record was first, before it went to a retry topic or to the dead letters. */
export interface OriginalPlace {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
}

const original = {
  topic: 'kafka_dlt-original-topic',
  partition: 'kafka_dlt-original-partition',
  offset: 'kafka_dlt-original-offset',
  timestamp: 'kafka_dlt-original-timestamp',
  timestampType: 'kafka_dlt-original-timestamp-type',
  group: 'kafka_dlt-original-consumer-group',
} as const

const exception = {
  fqcn: 'kafka_dlt-exception-fqcn',
  message: 'kafka_dlt-exception-message',
  stacktrace: 'kafka_dlt-exception-stacktrace',
} as const

const shortMessageLength = 200

/** The headers of Spring Kafka's retry topics. */
export const retryHeaders = {
  attempts: 'retry_topic-attempts',
  dueAt: 'retry_topic-backoff-timestamp',
  originalTimestamp: 'retry_topic-original-timestamp',
} as const

/** Ours: how many bytes the record's value had, where it was too large for a letter and stayed in its topic. */
const valueLeftOut = 'tidemark_dlt-value-left-out'

const ours: ReadonlySet<string> = new Set([
  ...[original, exception, retryHeaders].flatMap((names): string[] => Object.values(names)),
  valueLeftOut,
])

/**
 * The headers of a dead letter: those of the record, where it was, and what went wrong, by the names and types of Spring Kafka.
 *
 * A record that was in a retry topic keeps the place that it came from first.
 */
export function deadLetterHeaders(record: ConsumedRecord, group: string, error: unknown): Headers {
  const failure = error instanceof Error ? error : new Error(String(error))
  return {
    ...ownHeaders(record),
    ...originalHeaders(record, group),
    [exception.fqcn]: failure.name,
    [exception.message]: failure.message,
    [exception.stacktrace]: failure.stack ?? failure.message,
  }
}

/**
 * A dead letter in smaller forms, the largest first, for a topic that takes no more: without its stack trace and most of its message, then without its value
 * too, which is still where the record was first.
 */
export function smallerLetters<L extends { readonly value: Buffer | null; readonly headers: Headers }>(letter: L): L[] {
  const { value, headers } = letter
  const { [exception.stacktrace]: _stack, ...rest } = headers
  const message = String(headers[exception.message] ?? '').slice(0, shortMessageLength)
  const short = { ...rest, [exception.message]: message }
  const without = { ...short, [valueLeftOut]: String(value?.length ?? 0) }
  return [
    { ...letter, headers: short },
    { ...letter, value: null, headers: without },
  ]
}

/** Whether a dead letter's value stayed where the record was first. */
export function isWithoutValue(record: Pick<ConsumedRecord, 'headers'>): boolean {
  return bytesHeader(record, valueLeftOut) !== undefined
}

/** The headers of a record in a retry topic: where it was, the attempts so far, and when the next is due. */
export function retryTopicHeaders(
  record: ConsumedRecord,
  group: string,
  { attempts, dueAt }: { readonly attempts: number; readonly dueAt: number },
): Headers {
  return {
    ...ownHeaders(record),
    ...originalHeaders(record, group),
    [retryHeaders.attempts]: int32(attempts),
    [retryHeaders.dueAt]: int64(BigInt(dueAt)),
    [retryHeaders.originalTimestamp]:
      bytesHeader(record, retryHeaders.originalTimestamp) ?? int64(BigInt(record.timestamp)),
  }
}

/** The headers that a record had before it failed. */
export function ownHeaders({ headers }: Pick<ConsumedRecord, 'headers'>): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !ours.has(name)))
}

/** Where a record was first; its own place unless headers say another. */
export function originalPlaceOf(record: ConsumedRecord): OriginalPlace {
  const topic = textHeader(record, original.topic)
  const partition = bytesHeader(record, original.partition)
  const offset = bytesHeader(record, original.offset)
  if (topic === undefined || partition?.length !== 4 || offset?.length !== 8) {
    return { topic: record.topic, partition: record.partition, offset: record.offset }
  }
  return { topic, partition: partition.readInt32BE(), offset: offset.readBigInt64BE() }
}

/** When a record of a retry topic is due, in milliseconds since 1970; undefined for any other. */
export function dueAtOf(record: ConsumedRecord): number | undefined {
  const bytes = bytesHeader(record, retryHeaders.dueAt)
  return bytes?.length === 8 ? Number(bytes.readBigInt64BE()) : undefined
}

/** The group that a dead letter comes from; undefined for a record that is none. */
export function originalGroupOf(record: ConsumedRecord): string | undefined {
  return textHeader(record, original.group)
}

function originalHeaders(record: ConsumedRecord, group: string): Headers {
  const { topic, partition, offset } = originalPlaceOf(record)
  return {
    [original.topic]: topic,
    [original.partition]: int32(partition),
    [original.offset]: int64(offset),
    [original.timestamp]: bytesHeader(record, original.timestamp) ?? int64(BigInt(record.timestamp)),
    [original.timestampType]: bytesHeader(record, original.timestampType) ?? record.timestampType,
    [original.group]: group,
  }
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(value)
  return bytes
}
