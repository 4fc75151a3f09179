import { AssertionError } from 'node:assert'
import {
  assertStorable,
  presentTypesOf,
  streamIdOf,
  UnstorableValueError,
  type AnyAggregate,
  type NewEvent,
  type RecordedEvent,
} from '@tidemark/eventstore'

export interface StoredEventsOptions {
  /** The version of the stream before these events. */
  readonly after: number
  /** What the events are called when one is at fault: `given`, `decided`, `expected`. */
  readonly which: string
}

/** Events as they would come back from the store: checked by their schemas, and through JSON; the rest of them is made up. */
export function storedEvents(
  aggregate: AnyAggregate,
  events: readonly NewEvent[],
  { after, which }: StoredEventsOptions,
): RecordedEvent[] {
  return events.map((event, index) => {
    const version = after + index + 1
    const schemaVersion = event.schemaVersion ?? aggregate.events[event.type]?.version ?? 1
    return {
      position: BigInt(version),
      id: event.id ?? `00000000-0000-7000-8000-${String(version).padStart(12, '0')}`,
      streamId: streamIdOf(aggregate.name, 'test'),
      category: aggregate.name,
      aggregateId: 'test',
      version: BigInt(version),
      type: event.type,
      schemaVersion,
      data: storedData(aggregate, event, which),
      metadata: event.metadata ?? {},
      recordedAt: new Date(0),
    }
  })
}

function storedData(aggregate: AnyAggregate, event: NewEvent, which: string): unknown {
  const { type, schemaVersion } = event
  const definition = Object.hasOwn(aggregate.events, type) ? aggregate.events[type] : undefined
  // Nothing of a former or retired type is appended any more, so its data is what older code stored.
  if (!definition && schemaVersion !== undefined && presentTypesOf(aggregate).has(type)) {
    return throughJson(event.data, which)
  }
  if (!definition) {
    const known = Object.keys(aggregate.events).join(', ')
    throw new AssertionError({ message: `the ${which} event ${type} is none of ${aggregate.name}'s: it has ${known}` })
  }
  const isOlder = schemaVersion !== undefined && schemaVersion < definition.version
  return throughJson(isOlder ? event.data : parse(), which)

  function parse(): unknown {
    const parsed = definition?.schema.safeParse(event.data)
    if (parsed?.success) return parsed.data
    const [issue] = parsed?.error.issues ?? []
    const path = jsonPath(issue?.path ?? [])
    throw new AssertionError({
      message: `the ${which} event ${type} does not match its schema at ${path}: ${issue?.message ?? 'it is not valid'}`,
    })
  }

  function throughJson(data: unknown, which: string): unknown {
    try {
      assertStorable(data)
    } catch (error) {
      if (!(error instanceof UnstorableValueError)) throw error
      throw new AssertionError({
        message: `the ${which} event ${type} cannot be stored: at ${error.path} ${error.reason}`,
      })
    }
    return JSON.parse(JSON.stringify(data))
  }
}

/** Writes a path of zod as a JSON path: `$.items[0].price`. */
export function jsonPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => text + (typeof key === 'number' ? `[${key}]` : `.${String(key)}`), '$')
}
