import type { RecordedEvent } from '../event.js'
import { revealData } from './personal-events.js'
import { sealedValueOf } from './sealed-value.js'

export interface RedactedEvent {
  /** The event as it would read if all whom it is about were forgotten. */
  readonly event: RecordedEvent
  /** The paths of the fields that were replaced or left out, such as `address.street`. */
  readonly redacted: readonly string[]
}

/**
 * Puts the declared replacement in the place of each personal field of an event as the log gives it, whether its subject was forgotten or not: for
 * tools that show events to people. Needs no key. An event without personal data comes back as it is.
 *
 * @example
 * const [event] = await store.readStream('customer-c-7')
 * if (event) console.log(redactPersonal(event).event.data)
 */
export function redactPersonal(event: RecordedEvent): RedactedEvent {
  const redacted = sealedPaths(event.data)
  if (redacted.length === 0) return { event, redacted }
  return { event: { ...event, data: revealData(event.id, event.data, () => undefined) }, redacted }
}

function sealedPaths(data: unknown, path: readonly string[] = []): string[] {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return []
  if (sealedValueOf(data)) return [path.join('.')]
  return Object.entries(data).flatMap(([name, value]) => sealedPaths(value, [...path, name]))
}
