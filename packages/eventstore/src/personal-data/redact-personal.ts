import type { AnyAggregate } from '../define-aggregate.js'
import { presentTypesOf } from '../event-types.js'
import type { RecordedEvent } from '../event.js'
import { upcast, type StoredEvent } from '../fold.js'
import { replaceAt, revealData } from './personal-events.js'
import { sealedValueOf } from './sealed-value.js'

export interface RedactedEvent<E = RecordedEvent> {
  /** The event as it would read if all whom it is about were forgotten. */
  readonly event: E
  /** The paths of the fields that were replaced or left out, such as `address.street`. */
  readonly redacted: readonly string[]
}

/**
 * Puts the declared replacement in the place of each personal field of an event as the log gives it, whether its subject was forgotten or not: for
 * tools that show events to people. Needs no key.
 *
 * With its aggregate, fields are replaced too that were stored in clear before they were declared personal, where the event has them at the paths of
 * today. An event without personal data comes back as it is.
 *
 * @example
 * const [event] = await store.readStream('customer-c-7')
 * if (event) console.log(redactPersonal(event).event.data)
 */
export function redactPersonal<E extends StoredEvent>(event: E, aggregate?: AnyAggregate): RedactedEvent<E> {
  const redacted = new Set(sealedPaths(event.data))
  let { data } = event
  const type = aggregate && presentTypesOf(aggregate).get(event.type)
  for (const { path, erased } of (type && aggregate.events[type]?.personal?.fields) || []) {
    data = replaceAt(data, path, () => {
      redacted.add(path.join('.'))
      return erased
    })
  }
  if (redacted.size === 0) return { event, redacted: [] }
  // What is sealed elsewhere, and what is replaced by nothing.
  return { event: { ...event, data: revealData('', data, () => undefined) }, redacted: [...redacted] }
}

/**
 * The same at the event's present type and schema version, as a fold gets it; undefined for an event that the aggregate ignores.
 *
 * @throws {UnknownEventError} as {@link upcast} does.
 *
 * @example
 * const [stored] = await store.readStream('person-p-1')
 * if (stored) console.log(redactEvent(Person, stored)?.data) // { personId: 'p-1', name: 'somebody' }
 */
export function redactEvent<E extends StoredEvent>(aggregate: AnyAggregate, event: E): E | undefined {
  const present = upcast(aggregate, redactPersonal(event, aggregate).event)
  // An upcaster may move what was stored in clear to where it is declared today.
  return present && redactPersonal(present, aggregate).event
}

function sealedPaths(data: unknown, path: readonly string[] = []): string[] {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return []
  if (sealedValueOf(data)) return [path.join('.')]
  return Object.entries(data).flatMap(([name, value]) => sealedPaths(value, [...path, name]))
}
