import type { RecordedEvent } from '@tidemark/eventstore'
import { EventNotPublishableError } from '../errors.js'
import type { KafkaRecord } from '../kafka-producer-port.js'
import { cloudEventHeaders } from './cloud-event-headers.js'
import type { BridgeDefinition } from './define-bridge.js'
import { recordBytes } from './record-bytes.js'
import { recordValueOf } from './record-value.js'

/** What is known only where the bridge runs. */
export interface RecordContext {
  /** The schema of the store, for the default of `ce_source`. */
  readonly schema: string
  readonly partitionCountOf: (topic: string) => number
  /** A record batch of one record has at most this size. */
  readonly maxMessageBytes: number
  /** What a serializer made of the event. */
  readonly payload?: SerializedEvent | undefined
}

/** The value of a record, with the event as it shows it. */
export interface SerializedEvent {
  readonly value: Buffer
  readonly contentType: string
  readonly event: RecordedEvent
}

/** An event and the record that carries it. */
export interface EventRecord {
  readonly event: RecordedEvent
  readonly record: KafkaRecord
  readonly bytes: number
}

/**
 * Makes the record of an event.
 *
 * It has no timestamp of its own. With the time of the event, a topic that keeps a week would drop older events as they arrive.
 *
 * @throws {EventNotPublishableError} it is too large, or a function of the definition failed.
 */
export function recordOfEvent(definition: BridgeDefinition, event: RecordedEvent, context: RecordContext): EventRecord {
  const key = keyOfEvent(definition, event)
  const topic = topicOfEvent(definition, event, key)
  const headers = headersOf(definition, event, { ...context, key })
  const record: KafkaRecord = {
    topic,
    partition: partitionOf(definition, event, { key, count: context.partitionCountOf(topic) }),
    key,
    value:
      context.payload?.value ??
      called({ event, key, name: 'payload' }, () => recordValueOf(definition, event, headers)),
    headers,
  }
  const bytes = recordBytes(record)
  if (bytes <= context.maxMessageBytes) return { event, record, bytes }
  const reason = `its record has ${bytes} bytes, at most ${context.maxMessageBytes} are sent: raise max.message.bytes of topic "${topic}" and the bridge's maxMessageBytes, or store large payloads by reference`
  throw new EventNotPublishableError(event, { key, bytes, reason })
}

/** @throws {EventNotPublishableError} the definition's function failed. */
export function isWanted(definition: BridgeDefinition, event: RecordedEvent): boolean {
  return called({ event, key: undefined, name: 'where' }, () => definition.matches(event))
}

/** @throws {EventNotPublishableError} the definition's function failed, or gave no usable key. */
export function keyOfEvent(definition: BridgeDefinition, event: RecordedEvent): string {
  return called({ event, key: undefined, name: 'key' }, () => {
    const key: unknown = definition.keyOf(event)
    if (typeof key === 'string' && key !== '') return key
    throw new TypeError(`it gave ${JSON.stringify(key)}, and a key is text`)
  })
}

/** @throws {EventNotPublishableError} the definition's function failed, or gave no usable topic. */
export function topicOfEvent(definition: BridgeDefinition, event: RecordedEvent, key?: string): string {
  return called({ event, key, name: 'topic' }, () => definition.topicOf(event))
}

function partitionOf(
  definition: BridgeDefinition,
  event: RecordedEvent,
  { key, count }: { readonly key: string; readonly count: number },
): number {
  return called({ event, key, name: 'partitioner' }, () => {
    const partition = definition.partitioner(key, count)
    if (Number.isInteger(partition) && partition >= 0 && partition < count) return partition
    throw new RangeError(`it gave ${partition}, and there are ${count} partitions from 0`)
  })
}

function headersOf(
  definition: BridgeDefinition,
  event: RecordedEvent,
  { key, schema, payload }: Pick<RecordContext, 'schema' | 'payload'> & { readonly key: string },
): Record<string, string> {
  const own = called({ event, key, name: 'headers' }, () => definition.headers?.(event) ?? {})
  const reserved = Object.keys(own).find((name) => /^(ce_.*|content-type|traceparent|tracestate)$/i.test(name))
  if (reserved !== undefined) {
    throw new EventNotPublishableError(event, { key, reason: `its bridge's headers would replace "${reserved}"` })
  }
  const source = definition.source ?? `/${schema}/${event.category}`
  const dataSchema = called({ event, key, name: 'dataSchema' }, () => definition.dataSchema?.(event))
  const about = { source, dataSchema, format: definition.format, contentType: payload?.contentType }
  return { ...own, ...cloudEventHeaders(payload?.event ?? event, about) }
}

function called<T>(
  { event, key, name }: { readonly event: RecordedEvent; readonly key: string | undefined; readonly name: string },
  work: () => T,
): T {
  try {
    return work()
  } catch (cause) {
    const reason = `"${name}" of its bridge failed: ${cause instanceof Error ? cause.message : String(cause)}`
    throw new EventNotPublishableError(event, { key, reason, cause })
  }
}
