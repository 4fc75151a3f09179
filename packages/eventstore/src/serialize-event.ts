import type { AnyAggregate } from './define-aggregate.js'
import { EventTooLargeError, InvalidEventError, UnstorableValueError } from './errors.js'
import type { NewEvent } from './event.js'
import { checkUuid } from './event-id.js'
import { findMarker, hasPersonalData, type PersonalPart } from './personal-data/personal-events.js'
import { presentTypesOf } from './event-types.js'
import type { SerializedEvent } from './sql/insert-events.js'
import { assertStorable } from './stored-value.js'

export interface SerializeOptions {
  readonly generateId: () => string
  readonly maxEventBytes: number
  /** When it happened, where a clock was injected. */
  readonly recordedAt?: string
}

/**
 * Checks an event and makes its JSON; what is stored is what its schema returned.
 *
 * @throws {InvalidEventError} the data does not match the aggregate's schema, or cannot be stored as JSON.
 * @throws {EventTooLargeError}
 */
export function serializeEvent(
  streamId: string,
  event: NewEvent,
  aggregate: AnyAggregate | undefined,
  options: SerializeOptions,
): SerializedEvent {
  const { type, metadata = {} } = event
  if (type === '' || type.startsWith('$') || type.includes('\u0000'))
    throw new InvalidEventError(streamId, JSON.stringify(type), '$', 'its type is empty, starts with $ or has \\u0000')
  const data = aggregate ? parse(streamId, event, aggregate) : event.data
  try {
    assertStorable(data)
    assertStorable(metadata, '$metadata')
  } catch (error) {
    if (error instanceof UnstorableValueError) throw new InvalidEventError(streamId, type, error.path, error.reason)
    throw error
  }
  const personal = aggregate && hasPersonalData(aggregate) ? personalPartOf(streamId, type, data, aggregate) : undefined
  const serialized: SerializedEvent = {
    id: event.id === undefined ? options.generateId() : checkUuid(event.id, 'event id'),
    type,
    schemaVersion: event.schemaVersion ?? aggregate?.events[type]?.version ?? 1,
    data: JSON.stringify(data),
    metadata: JSON.stringify(metadata),
    ...(personal && { personal }),
    ...(options.recordedAt !== undefined && { recordedAt: options.recordedAt }),
  }
  // A character has at most three bytes here, so most events need not be counted exactly.
  const characters = serialized.data.length + serialized.metadata.length
  if (characters * 3 > options.maxEventBytes) {
    const bytes = Buffer.byteLength(serialized.data) + Buffer.byteLength(serialized.metadata)
    if (bytes > options.maxEventBytes) throw new EventTooLargeError(streamId, type, bytes, options.maxEventBytes)
  }
  return serialized
}

/** What of an event's data is personal; undefined for an event that declares nothing. */
function personalPartOf(
  streamId: string,
  type: string,
  data: unknown,
  aggregate: AnyAggregate,
): PersonalPart | undefined {
  const marked = findMarker(data)
  if (marked !== undefined) throw new InvalidEventError(streamId, type, marked, 'the name is kept for encrypted data')
  const personal = aggregate.events[type]?.personal
  if (!personal) return undefined
  const subject = personal.subject(data)
  if (typeof subject === 'string' && subject !== '' && Buffer.byteLength(subject) <= 512) {
    return { subject, fields: personal.fields }
  }
  throw new InvalidEventError(streamId, type, '$', 'its data subject is no text of 1 to 512 bytes')
}

function parse(streamId: string, { type, data }: NewEvent, aggregate: AnyAggregate): unknown {
  const definition = Object.hasOwn(aggregate.events, type) ? aggregate.events[type] : undefined
  if (!definition) {
    const known = Object.keys(aggregate.events).join(', ')
    const present = presentTypesOf(aggregate).get(type)
    const reason =
      present === undefined
        ? `aggregate "${aggregate.name}" has no event of this type; it has ${known}`
        : `aggregate "${aggregate.name}" only reads events of this type: ${present === null ? 'it is retired' : `append ${present}`}`
    throw new InvalidEventError(streamId, type, '$', reason)
  }
  const result = definition.schema.safeParse(data)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new InvalidEventError(
    streamId,
    type,
    jsonPath(issue?.path ?? []),
    issue?.message ?? 'it does not match its schema',
    {
      cause: result.error,
    },
  )
}

/** Writes a zod path as a JSON path: `$.items[0].price`. */
export function jsonPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : `${text}.${String(key)}`),
    '$',
  )
}
