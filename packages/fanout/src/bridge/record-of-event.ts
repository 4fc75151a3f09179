import type { RecordedEvent } from '@tidemark/eventstore'
import { cloudEventHeaders } from './cloud-event-headers.js'
import type { BridgeDefinition } from './define-bridge.js'
import { EventNotPublishableError } from '../errors.js'
import type { KafkaRecord } from '../kafka-producer-port.js'
import { partitionFor } from '../partition-for.js'
import { recordBytes } from './record-bytes.js'
import { recordKeyOf } from '../record-key.js'

/** What is known only where the bridge runs. */
export interface RecordContext {
  /** The schema of the store, for the default of `ce_source`. */
  readonly schema: string
  readonly partitionCountOf: (topic: string) => number
  /** A record batch of one record has at most this size. */
  readonly maxMessageBytes: number
}

/** An event and the record that carries it. */
export interface EventRecord {
  readonly event: RecordedEvent
  readonly record: KafkaRecord
  readonly bytes: number
}

/**
 * Makes the record of an event: key = stream id, or `tenant/stream id` where streams belong to tenants; value = its data as stored.
 *
 * It has no timestamp of its own. With the time of the event, a topic that keeps a week would drop older events as they arrive.
 *
 * @throws {EventNotPublishableError} it is too large, or a function of the definition failed.
 */
export function recordOfEvent(definition: BridgeDefinition, event: RecordedEvent, context: RecordContext): EventRecord {
  const topic = topicOfEvent(definition, event)
  const key = recordKeyOf(event)
  const record: KafkaRecord = {
    topic,
    partition: partitionFor(key, context.partitionCountOf(topic)),
    key,
    value: Buffer.from(JSON.stringify(event.data)),
    headers: headersOf(definition, event, context.schema),
  }
  const bytes = recordBytes(record)
  if (bytes <= context.maxMessageBytes) return { event, record, bytes }
  throw new EventNotPublishableError(event, {
    bytes,
    reason: `its record has ${bytes} bytes, at most ${context.maxMessageBytes} are sent: raise max.message.bytes of topic "${topic}" and the bridge's maxMessageBytes, or store large payloads by reference`,
  })
}

/** @throws {EventNotPublishableError} the definition's function failed, or gave no usable topic. */
export function topicOfEvent(definition: BridgeDefinition, event: RecordedEvent): string {
  return called(event, 'topic', () => definition.topicOf(event))
}

function headersOf(definition: BridgeDefinition, event: RecordedEvent, schema: string): Record<string, string> {
  const own = called(event, 'headers', () => definition.headers?.(event) ?? {})
  const reserved = Object.keys(own).find((name) => /^(ce_.*|content-type|traceparent|tracestate)$/i.test(name))
  if (reserved !== undefined) {
    throw new EventNotPublishableError(event, { reason: `its bridge's headers would replace "${reserved}"` })
  }
  const source = definition.source ?? `/${schema}/${event.category}`
  const dataSchema = called(event, 'dataSchema', () => definition.dataSchema?.(event))
  return { ...own, ...cloudEventHeaders(event, { source, dataSchema }) }
}

function called<T>(event: RecordedEvent, name: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    const reason = `"${name}" of its bridge failed: ${cause instanceof Error ? cause.message : String(cause)}`
    throw new EventNotPublishableError(event, { reason, cause })
  }
}
