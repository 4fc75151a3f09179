import type { AnyAggregate } from './define-aggregate.js'
import { ConfigurationError } from './errors.js'

type EventTypes = Pick<AnyAggregate, 'name' | 'events' | 'retired'>

/** What the stored types of one aggregate are called at present; null for a type that was retired. */
type PresentTypes = ReadonlyMap<string, string | null>

const known = new WeakMap<object, PresentTypes>()

/** The present types by the types that events were stored under: each its own, former names, and null for retired ones. */
export function presentTypesOf(aggregate: EventTypes): PresentTypes {
  let types = known.get(aggregate)
  if (!types) known.set(aggregate, (types = collectTypes(aggregate)))
  return types
}

/**
 * All types that events of the given present types may be stored under, former names included; what a filter of the log needs.
 *
 * @example
 * const types = storedTypesOf([Order], ['OrderPlaced']) // ['OrderPlaced', 'OrderCreated']
 */
export function storedTypesOf(aggregates: readonly AnyAggregate[], types: readonly string[]): readonly string[] {
  const stored = new Set(types)
  for (const { events } of aggregates) {
    for (const type of types) {
      const definition = Object.hasOwn(events, type) ? events[type] : undefined
      for (const former of definition?.formerly ?? []) stored.add(former)
    }
  }
  return [...stored]
}

/** @throws {ConfigurationError} a stored type would have two meanings. */
function collectTypes({ name, events, retired }: EventTypes): PresentTypes {
  const types = new Map<string, string | null>()
  const meanings = new Map<string, string>()
  const claim = (stored: string, present: string | null, meaning: string) => {
    const other = meanings.get(stored)
    if (other !== undefined) {
      throw new ConfigurationError(
        `aggregate "${name}": the event type ${JSON.stringify(stored)} is ${other} and ${meaning}: keep one of them, or stored events could be read in two ways`,
      )
    }
    if (stored === '' || stored.startsWith('$')) {
      throw new ConfigurationError(`aggregate "${name}": ${JSON.stringify(stored)} can be no event type`)
    }
    meanings.set(stored, meaning)
    types.set(stored, present)
  }
  for (const type of Object.keys(events)) claim(type, type, 'a present type')
  for (const [type, { formerly }] of Object.entries(events)) {
    for (const former of formerly) claim(former, type, `a former name of ${type}`)
  }
  for (const type of retired) claim(type, null, 'a retired type')
  return types
}
