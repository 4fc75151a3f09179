// What a store of another kind needs to behave like the one on Postgres: the same checks with the same errors.
export { checkDistinctIds } from './distinct-event-ids.js'
export { encodeExpectedVersion, meetsExpectation } from './expected-version.js'
export { checkUuid } from './event-id.js'
export { jsonPath, serializeEvent, type SerializeOptions } from './serialize-event.js'
export type { SerializedEvent } from './sql/insert-events.js'
export { checkStreamId } from './stream-id.js'
