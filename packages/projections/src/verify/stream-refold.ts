import type { Database } from '@tidemark/eventstore'
import { typesOf } from '../any-projection.js'
import type { Projection, RowKey } from '../define-projection.js'
import { RowFold } from '../fold-rows.js'
import { lacks, positionsOfKeys, type LiveTable } from '../live-table.js'
import { selectStreamPositions } from '../sql/select-stream-positions.js'
import { selectTruncatedStreams } from '../sql/select-truncated-streams.js'
import { streamIdsOf } from '../stream-ids-of.js'
import { FoldedKeys } from './folded-keys.js'
import type { Refold, Refolded } from './refold.js'
import { logDatabaseFor, type ProjectionStore } from '../projection-store.js'

const eventsAtOnce = 500

/** Folds keys of a projection whose rows follow their streams: only those streams are read. */
export class StreamRefold implements Refold {
  private readonly folder: RowFold
  private readonly types: readonly string[]

  constructor(
    private readonly store: ProjectionStore,
    private readonly projection: Projection,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.folder = new RowFold(projection)
    this.types = typesOf(projection)
  }

  async upTo(database: Database, live: LiveTable, keys: readonly RowKey[]): Promise<Refolded> {
    const { store, projection, folder, types } = this
    const positionOf = await positionsOfKeys(database, projection, live, keys)
    const streams = keys.flatMap((key) =>
      streamIdsOf(projection, key).map((streamId) => ({ streamId, upTo: positionOf(key) })),
    )
    const log = logDatabaseFor(store, database)
    const positions = await selectStreamPositions(log, streams, { types, after: 0n })
    const folded = new FoldedKeys(projection, folder)
    const wanted = new Set(keys)
    for (let from = 0; from < positions.length; from += eventsAtOnce) {
      this.signal?.throwIfAborted()
      const stored = await store.readEventsAt(positions.slice(from, from + eventsAtOnce), log.queryable)
      const events = await store.reveal(projection.aggregates, stored, log.queryable)
      folded.apply(
        folder.plan(events),
        (key, position) => wanted.has(key) && !lacks(live, key, position),
        (position) => live.setAside.has(position),
      )
    }
    // Last, so that events that were deleted while they were read are known of.
    const streamIds = streams.map(({ streamId }) => streamId)
    const truncated = new Set(await selectTruncatedStreams(log, { streamIds }))
    return {
      rowOf: (key) => folded.rows.get(key) ?? null,
      failureOf: (key) => folded.failures.get(key),
      truncatedFor: (key) => streamIdsOf(projection, key).filter((streamId) => truncated.has(streamId)),
    }
  }
}
