import type { RecordedEvent } from '@tidemark/eventstore'
import type { BridgeDefinition } from './define-bridge.js'

/**
 * The value of a record: the payload, or a CloudEvent in structured mode around it.
 *
 * A structured one says in its attributes what the headers say.
 */
export function recordValueOf(
  { payload, format }: Pick<BridgeDefinition, 'payload' | 'format'>,
  event: RecordedEvent,
  headers: Readonly<Record<string, string>>,
): Buffer {
  const data = typeof payload === 'function' ? payload(event) : payload === 'event' ? event.data : notificationOf(event)
  const text = jsonOf(data)
  if (format === 'binary') return Buffer.from(text)
  const attributes = Object.entries(headers).flatMap(([name, value]) => {
    if (name.startsWith('ce_')) return [[name.slice('ce_'.length), value]]
    return name === 'traceparent' || name === 'tracestate' ? [[name, value]] : []
  })
  const envelope = JSON.stringify({ ...Object.fromEntries(attributes), datacontenttype: 'application/json' })
  return Buffer.from(`${envelope.slice(0, -1)},"data":${text}}`)
}

/** @throws {TypeError} JSON has no text for it. */
function jsonOf(data: unknown): string {
  const text = JSON.stringify(data) as string | undefined
  if (text === undefined) throw new TypeError(`a payload of type ${typeof data} has no JSON`)
  return text
}

/** What consumers need to fetch the event. */
function notificationOf({ type, id, tenant, streamId, version, position }: RecordedEvent): Record<string, string> {
  return {
    ...{ type, id, stream: streamId, version: String(version), position: String(position) },
    ...(tenant !== undefined && { tenant }),
  }
}
