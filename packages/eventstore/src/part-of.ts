import type { AnyAggregate, EventToAppend } from './define-aggregate.js'
import type { StreamPart } from './event-store-options.js'
import type { ExpectedVersion } from './expected-version.js'
import { streamIdOf } from './stream-id.js'

/** Makes the part of an aggregate for `appendToStreams`, its events checked by the compiler. */
export function partOf<A extends AnyAggregate>(
  aggregate: A,
  aggregateId: string,
  events: readonly EventToAppend<A['events']>[],
  expectedVersion: ExpectedVersion,
): StreamPart {
  return { aggregate, streamId: streamIdOf(aggregate.name, aggregateId), events, expectedVersion }
}
