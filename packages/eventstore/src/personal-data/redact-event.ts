import type { AnyAggregate } from '../define-aggregate.js'
import { upcast, type StoredEvent } from '../fold.js'
import { replaceAt, revealData } from './personal-events.js'

/**
 * An event as it reads once everybody that it is about is forgotten, at its present type and schema version: to show it to people who may not see
 * personal data. No key is asked for, so it works for subjects who were forgotten, and without the master key.
 *
 * What was stored in clear before its field was declared personal is replaced, too. Undefined for an event that the aggregate ignores.
 *
 * @throws {UnknownEventError} as {@link upcast} does.
 *
 * @example
 * const [stored] = await store.readStream('person-p-1')
 * if (stored) console.log(redactEvent(Person, stored)?.data) // { personId: 'p-1', name: 'somebody' }
 */
export function redactEvent<E extends StoredEvent>(aggregate: AnyAggregate, event: E): E | undefined {
  const current = upcast(aggregate, { ...event, data: revealData('', event.data, () => undefined) })
  const fields = current && aggregate.events[current.type]?.personal?.fields
  if (!fields) return current
  const redacted = fields.reduce((data, { path, erased }) => replaceAt(data, path, () => erased), current.data)
  return { ...current, data: revealData('', redacted, () => undefined) }
}
