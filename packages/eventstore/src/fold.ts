import type { AnyAggregate, StateOf } from './define-aggregate.js'
import { ConfigurationError, UnknownEventError } from './errors.js'
import type { RecordedEvent } from './event.js'

/** What a fold needs of an event, with the data as it was stored. */
export type StoredEvent = Pick<RecordedEvent, 'streamId' | 'version' | 'type' | 'schemaVersion' | 'data' | 'metadata'>

/**
 * Brings the data of a stored event to the newest schema version, one step after the other.
 *
 * @throws {UnknownEventError} the type is not the aggregate's, or the schema version is newer than this code.
 */
export function upcast<E extends StoredEvent>(aggregate: AnyAggregate, event: E): E {
  const { type, streamId, schemaVersion } = event
  const definition = Object.hasOwn(aggregate.events, type) ? aggregate.events[type] : undefined
  if (!definition) {
    throw new UnknownEventError(
      streamId,
      type,
      schemaVersion,
      `aggregate "${aggregate.name}" has no such event: deploy the code that wrote it`,
    )
  }
  if (schemaVersion > definition.version) {
    throw new UnknownEventError(
      streamId,
      type,
      schemaVersion,
      `this code knows version ${definition.version}: deploy the code that wrote it`,
    )
  }
  if (schemaVersion === definition.version) return event
  let data: unknown = event.data
  for (let version = schemaVersion; version < definition.version; version++) {
    data = definition.upcast[version]?.(data as Record<string, unknown>)
  }
  return { ...event, data, schemaVersion: definition.version }
}

/** Folds events into a state, upcasting each. */
export function fold<A extends AnyAggregate>(
  aggregate: A,
  state: StateOf<A>,
  events: readonly StoredEvent[],
): StateOf<A> {
  let folded: unknown = state
  for (const event of events) {
    const current = upcast(aggregate, event)
    folded = evolveOf(aggregate, current.type)(folded, current)
  }
  return folded as StateOf<A>
}

function evolveOf(aggregate: AnyAggregate, type: string): AnyAggregate['evolve'][string] {
  const evolve = aggregate.evolve[type]
  if (!evolve) throw new ConfigurationError(`aggregate "${aggregate.name}" has no evolve for its event ${type}`)
  return evolve
}
