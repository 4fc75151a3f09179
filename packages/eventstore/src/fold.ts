import type { AnyAggregate, StateOf } from './define-aggregate.js'
import { ConfigurationError, UnknownEventError } from './errors.js'
import type { RecordedEvent } from './event.js'
import { presentTypesOf } from './event-types.js'

/** What a fold needs of an event, with the data as it was stored. */
export type StoredEvent = Pick<RecordedEvent, 'streamId' | 'version' | 'type' | 'schemaVersion' | 'data' | 'metadata'>

/**
 * Brings a stored event to its present type and the newest schema version of its data, one step after the other.
 *
 * Undefined for an event that the aggregate ignores: of a retired type, or of an unknown one where `unknownEvents` is `ignore`.
 *
 * @throws {UnknownEventError} the type is not the aggregate's, or the schema version is newer than this code.
 */
export function upcast<E extends StoredEvent>(aggregate: AnyAggregate, event: E): E | undefined {
  const { streamId, schemaVersion } = event
  const type = presentTypesOf(aggregate).get(event.type)
  if (type === null) return undefined
  const definition = type === undefined ? undefined : aggregate.events[type]
  if (type === undefined || !definition) {
    if (aggregate.unknownEvents === 'ignore') return undefined
    throw new UnknownEventError(
      streamId,
      event.type,
      schemaVersion,
      `aggregate "${aggregate.name}" has no such event: deploy the code that wrote it`,
    )
  }
  if (schemaVersion > definition.version) {
    throw new UnknownEventError(
      streamId,
      event.type,
      schemaVersion,
      `this code knows version ${definition.version}: deploy the code that wrote it`,
    )
  }
  if (schemaVersion === definition.version && type === event.type) return event
  let data: unknown = event.data
  for (let version = schemaVersion; version < definition.version; version++) {
    data = definition.upcast[version]?.(data as Record<string, unknown>)
  }
  return { ...event, type, data, schemaVersion: definition.version }
}

/** Folds events into a state, upcasting each; those that the aggregate ignores change nothing. */
export function fold<A extends AnyAggregate>(
  aggregate: A,
  state: StateOf<A>,
  events: readonly StoredEvent[],
): StateOf<A> {
  let folded: unknown = state
  for (const event of events) {
    const current = upcast(aggregate, event)
    if (current) folded = evolveOf(aggregate, current.type)(folded, current)
  }
  return folded as StateOf<A>
}

function evolveOf(aggregate: AnyAggregate, type: string): AnyAggregate['evolve'][string] {
  const evolve = aggregate.evolve[type]
  if (!evolve) throw new ConfigurationError(`aggregate "${aggregate.name}" has no evolve for its event ${type}`)
  return evolve
}
