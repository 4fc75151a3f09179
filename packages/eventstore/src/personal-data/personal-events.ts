import type { AnyAggregate } from '../define-aggregate.js'
import type { SerializedEvent, StreamAppend } from '../sql/insert-events.js'
import type { PersonalField } from './declaration.js'
import type { SubjectKey } from './key-store.js'
import { marker, openValue, sealedValueOf, sealValue, type SealedValue } from './sealed-value.js'

/** What of an event that is about to be appended will be encrypted. */
export interface PersonalPart {
  readonly subject: string
  readonly fields: readonly PersonalField[]
}

const known = new WeakMap<object, boolean>()

/** Whether any event of an aggregate has personal data: only then are its events looked through. */
export function hasPersonalData({ events }: Pick<AnyAggregate, 'events'>): boolean {
  let has = known.get(events)
  if (has === undefined) known.set(events, (has = Object.values(events).some(({ personal }) => personal !== undefined)))
  return has
}

/** Whether an append has something that is still to be encrypted. */
export function hasPersonalPart({ events }: StreamAppend): boolean {
  return events.some(({ personal }) => personal !== undefined)
}

/** The path of the first property that looks encrypted already; undefined where there is none, as there should be. */
export function findMarker(value: unknown, path = '$'): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (Object.hasOwn(value, marker)) return `${path}.${marker}`
  for (const [key, item] of Object.entries(value)) {
    const found = findMarker(item, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`)
    if (found !== undefined) return found
  }
  return undefined
}

/** Encrypts the personal fields of an event; those that are not there stay away. Its data in clear is kept beside for comparing. */
export function sealEvent(event: SerializedEvent, { subject, fields }: PersonalPart, key: SubjectKey): SerializedEvent {
  let data: unknown = JSON.parse(event.data)
  for (const { path, erased } of fields) {
    const place = { eventId: event.id, path, subject }
    data = replaceAt(data, path, (value) => sealValue(value, place, key, erased))
  }
  const { personal: _, ...sealed } = event
  return { ...sealed, data: JSON.stringify(data), plain: event.data }
}

/** The value with something else at a path; unchanged where nothing is there. */
export function replaceAt(
  data: unknown,
  [key, ...rest]: readonly string[],
  replace: (value: unknown) => unknown,
): unknown {
  if (key === undefined) return replace(data)
  if (typeof data !== 'object' || data === null || Array.isArray(data) || !Object.hasOwn(data, key)) return data
  return { ...data, [key]: replaceAt((data as Record<string, unknown>)[key], rest, replace) }
}

/** Calls back for each encrypted value of an event's data. */
export function forEachSealed(data: unknown, visit: (sealed: SealedValue) => void): void {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return
  const sealed = sealedValueOf(data)
  if (sealed) return visit(sealed)
  for (const value of Object.values(data)) forEachSealed(value, visit)
}

/** The data with each encrypted value opened, or replaced where `keyOf` knows no key any more. */
export function revealData(
  eventId: string,
  data: unknown,
  keyOf: (sealed: SealedValue) => SubjectKey | undefined,
  path: readonly string[] = [],
): unknown {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return data
  const sealed = sealedValueOf(data)
  if (sealed) {
    const key = keyOf(sealed)
    return key ? openValue(sealed, { eventId, path, subject: sealed.subject }, key) : sealed.erased
  }
  const entries = Object.entries(data).flatMap(([name, value]) => {
    const revealed = revealData(eventId, value, keyOf, [...path, name])
    return revealed === undefined ? [] : [[name, revealed] as const]
  })
  return Object.fromEntries(entries)
}
