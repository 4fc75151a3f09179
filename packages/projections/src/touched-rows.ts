import { UnknownEventError } from '@tidemark/eventstore'
import type { Projection, RowKey } from './define-projection.js'
import { RowFold } from './fold-rows.js'
import { logDatabaseFor, type ProjectionStore } from './projection-store.js'
import { filterOf } from './shard.js'
import { selectLivePlaces, type LivePlace } from './sql/select-live-places.js'
import { wasTruncatedBetween } from './sql/select-truncated-between.js'

/** A row that an event touched. */
export interface TouchedRow {
  readonly key: RowKey
  readonly position: bigint
}

/** The rows that events of a part of the log touched. */
export interface TouchedRows {
  /** In the order of the log; a row once for each event. */
  readonly touched: readonly TouchedRow[]
  /** Up to where the log was read. */
  readonly through: bigint
  /** False when an event was deleted meanwhile, or is one that this code cannot read: any row may have been touched then. */
  readonly certain: boolean
}

/**
 * Says which rows the events of a part of the log touch, whether they changed or not; nothing is folded.
 *
 * Once the live table has passed `upTo`, those are all rows that changed since it was at `after`, for as long as its {@link LivePlace.revision} stays.
 *
 * @example
 * const [before] = await livePlaces(store, ['order-summary'])
 * const [now] = await livePlaces(store, ['order-summary'])
 * if (before && now && before.revision === now.revision)
 *   await touchedRows(store, orderSummary, { after: before.position, upTo: now.position, limit: 1000 })
 */
export async function touchedRows(
  store: ProjectionStore,
  projection: Projection,
  { after, upTo, limit }: { readonly after: bigint; readonly upTo: bigint; readonly limit: number },
): Promise<TouchedRows> {
  const { events, through } = await store.log.read({ ...filterOf({ projection }), after, upTo, limit })
  try {
    const steps = new RowFold(projection).plan(await store.reveal(projection.aggregates, events))
    const touched = steps.flatMap(({ keys, event: { position } }) => keys.map((key) => ({ key, position })))
    // After the events were read, so that none can be deleted unseen before.
    const truncated = await wasTruncatedBetween(logDatabaseFor(store, store.database), after, through)
    return { touched, through, certain: !truncated && !steps.some(({ failure }) => failure) }
  } catch (error) {
    if (!(error instanceof UnknownEventError)) throw error
    return { touched: [], through, certain: false }
  }
}

/**
 * Says where the live tables of read models are, those that have one. Where appends keep one it is at the safe head: rows that are read later have all
 * events up to there.
 */
export async function livePlaces(store: ProjectionStore, names: readonly string[]): Promise<LivePlace[]> {
  const places = await selectLivePlaces(store.database, names)
  if (!places.some(({ inline }) => inline)) return places
  const { position } = await store.head()
  return places.map((place) => (place.inline ? { ...place, position } : place))
}
