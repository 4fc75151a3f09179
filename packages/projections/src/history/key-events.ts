import type { RecordedEvent } from '@tidemark/eventstore'
import { typesOf } from '../any-projection.js'
import type { Projection, RowKey } from '../define-projection.js'
import { HistoryTruncatedError } from '../errors.js'
import type { RowFold } from '../fold-rows.js'
import { filterOf } from '../shard.js'
import { selectStreamPositions } from '../sql/select-stream-positions.js'
import { selectTruncatedStreams } from '../sql/select-truncated-streams.js'
import { streamIdsOf } from '../stream-ids-of.js'
import { logDatabaseFor, type ProjectionStore } from '../projection-store.js'

/** Which part of a row's history. */
export interface KeyEvents {
  readonly key: RowKey
  /** Inclusive: at most a safe head. */
  readonly upTo: bigint
  readonly evenIfTruncated: boolean
}

const eventsAtOnce = 500

/**
 * The events that touch a row, upcast, in order: those of its streams, or for a projection with `keyOf` all of its events that name the key.
 *
 * @throws {HistoryTruncatedError} events that may have touched it were deleted.
 * @throws {HandlerFailedError} an event cannot be upcast, or its rows not be told.
 */
export async function* keyEvents(
  store: ProjectionStore,
  projection: Projection,
  folder: RowFold,
  { key, upTo, evenIfTruncated }: KeyEvents,
): AsyncGenerator<RecordedEvent> {
  const refuse = async () => {
    const streamIds = evenIfTruncated ? [] : await truncatedStreams(store, projection, key)
    if (streamIds.length > 0) throw new HistoryTruncatedError(projection.name, key, streamIds)
  }
  // Before, since what is left may not fold at all, and after, since a stream may be truncated meanwhile.
  await refuse()
  for await (const stored of pages(store, projection, key, upTo)) {
    const steps = folder.plan(await store.reveal(projection.aggregates, stored))
    for (const { event, keys, failure } of steps) {
      if (failure) throw failure
      if (keys.includes(key)) yield event
    }
  }
  await refuse()
}

async function* pages(
  store: ProjectionStore,
  projection: Projection,
  key: RowKey,
  upTo: bigint,
): AsyncGenerator<readonly RecordedEvent[]> {
  if (projection.keyFrom === 'aggregate-id') {
    const types = typesOf(projection)
    const streams = streamIdsOf(projection, key).map((streamId) => ({ streamId, upTo }))
    const positions = await selectStreamPositions(logDatabaseFor(store, store.database), streams, { types, after: 0n })
    for (let from = 0; from < positions.length; from += eventsAtOnce) {
      yield await store.readEventsAt(positions.slice(from, from + eventsAtOnce))
    }
    return
  }
  for (let after = 0n; after < upTo;) {
    const limit = eventsAtOnce * 4
    const { events, through } = await store.log.read({ ...filterOf({ projection }), after, upTo, limit })
    yield events
    after = through
  }
}

/** With `keyOf` a deleted event of any stream may have touched the row. */
function truncatedStreams(store: ProjectionStore, projection: Projection, key: RowKey): Promise<string[]> {
  const database = logDatabaseFor(store, store.database)
  return projection.keyFrom === 'aggregate-id'
    ? selectTruncatedStreams(database, { streamIds: streamIdsOf(projection, key) })
    : selectTruncatedStreams(database, { categories: projection.aggregates.map(({ name }) => name) })
}
