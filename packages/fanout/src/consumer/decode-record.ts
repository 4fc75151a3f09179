import { partsOf, type EventMetadata } from '@tidemark/eventstore'
import { UndecodableRecordError } from './errors.js'
import type { ConsumedRecord } from './kafka-consumer-port.js'

/** An event as a consumer gets it from Kafka. */
export interface ConsumedEvent<Type extends string = string, Data = unknown> {
  /** Unique together with `source`. */
  readonly id: string
  readonly source: string
  readonly type: Type
  readonly schemaVersion: number
  readonly data: Data
  /** What the event is about: its stream's id where it comes from a store. */
  readonly streamId: string
  readonly category: string
  readonly aggregateId: string
  /** Its number within the stream; undefined where the producer does not say it. */
  readonly version: bigint | undefined
  /** Its place in the log of the store that it comes from; undefined where the producer does not say it. */
  readonly position: bigint | undefined
  readonly tenant: string | undefined
  readonly metadata: EventMetadata
  /** When it was stored, or else when its record was written. */
  readonly recordedAt: Date
}

type Attributes = Readonly<Record<string, unknown>>

/**
 * Reads the event of a record: a CloudEvent in binary or structured mode, or one as Debezium's outbox router writes it.
 *
 * Data is JSON. The record must not be a tombstone.
 *
 * @throws {UndecodableRecordError} it is none of these, or something is missing or malformed.
 */
export function decodeRecord(record: ConsumedRecord): ConsumedEvent {
  const contentType = textHeader(record, 'content-type') ?? ''
  if (contentType.startsWith('application/cloudevents+json')) return decodeStructured(record)
  if (record.headers['ce_id'] !== undefined) return decodeBinary(record, contentType)
  if (record.headers['id'] !== undefined) return decodeDebezium(record)
  throw undecodable(record, 'it has neither the headers of CloudEvents nor those of Debezium')
}

/** The text of a header; the last one where there are several. */
export function textHeader({ headers }: Pick<ConsumedRecord, 'headers'>, name: string): string | undefined {
  return bytesHeader({ headers }, name)?.toString('utf8')
}

/** The bytes of a header; the last one where there are several. */
export function bytesHeader({ headers }: Pick<ConsumedRecord, 'headers'>, name: string): Buffer | undefined {
  const header = Object.hasOwn(headers, name) ? headers[name] : undefined
  return header === undefined || Buffer.isBuffer(header) ? header : header.at(-1)
}

function decodeBinary(record: ConsumedRecord, contentType: string): ConsumedEvent {
  if (contentType !== '' && !/^application\/([\w.-]+\+)?json\b/.test(contentType))
    throw undecodable(record, `its content type is ${contentType}, and only JSON is read`)
  const attributes: Record<string, unknown> = {}
  for (const name of Object.keys(record.headers)) {
    if (name.startsWith('ce_')) attributes[name.slice('ce_'.length)] = textHeader(record, name)
  }
  return eventOf(record, attributes, jsonOf(record))
}

function decodeStructured(record: ConsumedRecord): ConsumedEvent {
  const envelope = jsonOf(record)
  if (typeof envelope !== 'object' || envelope === null || Array.isArray(envelope))
    throw undecodable(record, 'its value is no CloudEvent')
  const { data, data_base64: encoded, ...attributes } = envelope as Record<string, unknown>
  if (encoded !== undefined) throw undecodable(record, 'its data is binary, and only JSON is read')
  return eventOf(record, attributes, data)
}

/** The router writes the id as a header; where aggregate and type are, its configuration decides: these are the usual names. */
function decodeDebezium(record: ConsumedRecord): ConsumedEvent {
  const aggregate = textHeader(record, 'aggregateType') ?? textHeader(record, 'aggregatetype') ?? ''
  const aggregateId = textHeader(record, 'aggregateId') ?? record.key?.toString('utf8') ?? ''
  const attributes = {
    id: textHeader(record, 'id'),
    source: `/debezium/${aggregate}`,
    type: textHeader(record, 'eventType') ?? textHeader(record, 'type'),
    subject: aggregate === '' ? aggregateId : `${aggregate}-${aggregateId}`,
  }
  return eventOf(record, attributes, jsonOf(record))
}

function eventOf(record: ConsumedRecord, attributes: Attributes, data: unknown): ConsumedEvent {
  const text = (name: string) => optionalText(record, attributes, name)
  const required = (name: string) => {
    const value = text(name)
    if (value === undefined) throw undecodable(record, `it has no ${name}`)
    return value
  }
  const streamId = text('subject') ?? record.key?.toString('utf8') ?? ''
  const time = text('time')
  const recordedAt = new Date(time ?? record.timestamp)
  if (Number.isNaN(recordedAt.getTime())) throw undecodable(record, `its time is ${JSON.stringify(time)}`)
  const trace = (name: string) => text(name) ?? textHeader(record, name)
  const metadata = {
    correlationId: text('correlationid'),
    causationId: text('causationid'),
    traceparent: trace('traceparent'),
    tracestate: trace('tracestate'),
  }
  return {
    ...{ id: required('id'), source: required('source'), type: required('type'), data, streamId, recordedAt },
    ...partsOf(streamId),
    schemaVersion: Number(wholeNumber(record, attributes, 'schemaversion') ?? 1n),
    version: wholeNumber(record, attributes, 'streamversion'),
    position: wholeNumber(record, attributes, 'globalposition'),
    tenant: text('tenant'),
    metadata: Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== undefined)),
  }
}

function optionalText(record: ConsumedRecord, attributes: Attributes, name: string): string | undefined {
  const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string' && value !== '') return value
  // Extensions may be numbers in structured mode.
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw undecodable(record, `its ${name} is ${JSON.stringify(value)}`)
}

function wholeNumber(record: ConsumedRecord, attributes: Attributes, name: string): bigint | undefined {
  const text = optionalText(record, attributes, name)
  if (text === undefined) return undefined
  if (/^\d{1,19}$/.test(text)) return BigInt(text)
  throw undecodable(record, `its ${name} is ${JSON.stringify(text)}, which is no whole number`)
}

function jsonOf(record: ConsumedRecord): unknown {
  try {
    return JSON.parse(record.value?.toString('utf8') ?? '') as unknown
  } catch (cause) {
    throw undecodable(record, 'its value is not JSON', { cause })
  }
}

function undecodable(
  { topic, partition, offset }: ConsumedRecord,
  reason: string,
  options?: ErrorOptions,
): UndecodableRecordError {
  return new UndecodableRecordError(
    `the record ${topic}/${partition} at offset ${offset} is no event: ${reason}`,
    options,
  )
}
