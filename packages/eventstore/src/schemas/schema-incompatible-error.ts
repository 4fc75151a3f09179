import { EventStoreError } from '../errors.js'
import type { SchemaCheck } from './judge-schemas.js'

/** Thrown when events changed in a way that their readers could not take; nothing was registered. */
export class SchemaIncompatibleError extends EventStoreError {
  override readonly code = 'EVENTSTORE_SCHEMA_INCOMPATIBLE'
  constructor(
    /** Every event that is incompatible, with its differences. */
    readonly events: readonly SchemaCheck[],
  ) {
    super(`${events.map(describe).join('; ')}: ${advice(events)}`)
  }
}

function describe({ category, type, schemaVersion, differences }: SchemaCheck): string {
  const places = differences.map(({ direction, path, expected, found }) =>
    direction === 'backward'
      ? `${path} must be ${expected}, and stored events may have ${found}`
      : `${path} must be ${expected} for older code, and new events may have ${found}`,
  )
  return `event ${category}.${type} version ${schemaVersion} is incompatible with what was registered (${places.join(', ')})`
}

function advice(events: readonly SchemaCheck[]): string {
  const directions = new Set(events.flatMap(({ differences }) => differences.map(({ direction }) => direction)))
  const parts = [
    ...(directions.has('backward') ? ['raise the version of the event and add an upcaster'] : []),
    ...(directions.has('forward') ? ['let no older code run any more and check with compatibility "backward"'] : []),
  ]
  return parts.join(', or ')
}
