import { isDeepStrictEqual } from 'node:util'
import type { Database } from '@tidemark/eventstore'
import type { Projection, RowKey } from '../define-projection.js'
import { TableChangedError } from '../errors.js'
import { RowFold } from '../fold-rows.js'
import { lacks, type LiveTable } from '../live-table.js'
import { rowsToJson } from '../row.js'
import { filterOf, rowShardIndex } from '../shard.js'
import { Throttle } from '../throttle.js'
import { selectTruncatedStreams } from '../sql/select-truncated-streams.js'
import { FoldedKeys } from './folded-keys.js'
import type { Refold, Refolded } from './refold.js'
import { logDatabaseFor, logFor, type ProjectionStore } from '../projection-store.js'

export interface ScanOptions {
  readonly isWanted: (key: RowKey) => boolean
  /** Called with how far the log was read. */
  readonly onRead?: (position: bigint) => void
  readonly signal: AbortSignal | undefined
  /** It rests before each batch, as long as nobody waits for it. */
  readonly throttle?: Throttle
}

const eventsAtOnce = 2000
/** What an entry takes besides its row. */
const bytesPerKey = 150

/** Folds wanted keys of a projection whose events say which rows they touch: all of its events are read, once. */
export class ScanRefold implements Refold {
  private readonly folder: RowFold
  private readonly folded: FoldedKeys
  private readonly sizes = new Map<RowKey, number>()
  private heaviest = 0
  private total = 0
  /** What is in the rows. */
  private at: Pick<LiveTable, 'shards' | 'positions' | 'setAside'> = { shards: 1, positions: [0n], setAside: new Map() }

  constructor(
    private readonly store: ProjectionStore,
    private readonly projection: Projection,
    private readonly options: ScanOptions,
  ) {
    this.folder = new RowFold(projection)
    this.folded = new FoldedKeys(projection, this.folder)
  }

  /** The keys in memory, also of rows that were taken away again. */
  get keys(): readonly RowKey[] {
    return [...this.sizes.keys()]
  }

  /** What the rows in memory are as JSON text, and the largest that any of them was. */
  get bytes(): { readonly total: number; readonly heaviest: number } {
    return { total: this.total, heaviest: this.heaviest }
  }

  /** Lets go of what is not wanted any more. */
  forgetUnwanted(): void {
    const { isWanted } = this.options
    for (const [key, size] of this.sizes) {
      if (isWanted(key)) continue
      this.total -= size
      for (const kept of [this.sizes, this.folded.rows, this.folded.failures]) kept.delete(key)
    }
  }

  async upTo(database: Database, live: LiveTable): Promise<Refolded> {
    await this.advance(database, live)
    const { rows, failures } = this.folded
    // A deleted event may have been about any key; what agrees with the events that are left needed none of them.
    const categories = this.projection.aggregates.map(({ name }) => name)
    const truncated = await selectTruncatedStreams(logDatabaseFor(this.store, database), { categories })
    return {
      rowOf: (key) => rows.get(key) ?? null,
      failureOf: (key) => failures.get(key),
      truncatedFor: (_key, agrees) => (agrees ? [] : truncated),
    }
  }

  /**
   * Reads on to where the live table is; `afterBatch` may change what is wanted.
   *
   * @throws {TableChangedError} @throws {HandlerFailedError}
   */
  async advance(database: Database, live: LiveTable, afterBatch?: () => void): Promise<void> {
    const { store, projection, options, at } = this
    this.refuseOtherChanges(live)
    const isOwn = database.queryable === store.database.queryable
    const log = isOwn ? store.log : logFor(store, database)
    const positionIn = ({ shards, positions }: typeof at, key: RowKey) => positions[rowShardIndex(key, shards)] ?? 0n
    const isDue = (key: RowKey, position: bigint) =>
      options.isWanted(key) &&
      position > positionIn(at, key) &&
      position <= positionIn(live, key) &&
      !lacks(live, key, position)
    const upTo = live.positions.reduce((most, each) => (each > most ? each : most))
    // A transaction that others wait for is no place to rest.
    const throttle = (isOwn ? options.throttle : undefined) ?? new Throttle(1)
    const readBatch = async (after: bigint): Promise<bigint> => {
      const batch = await log.read({ ...filterOf({ projection }), after, upTo, limit: eventsAtOnce })
      const events = await store.reveal(projection.aggregates, batch.events, database.queryable)
      const steps = this.folder.plan(events)
      this.weigh(this.folded.apply(steps, isDue, (position) => live.setAside.has(position)))
      // An appender that is just beginning may hold the head back for a moment.
      if (batch.through === after) await new Promise((resolve) => setTimeout(resolve, 10))
      return batch.through
    }
    for (let after = lowest(at.positions); after < upTo;) {
      options.signal?.throwIfAborted()
      const from = after
      after = await throttle.work(() => readBatch(from))
      afterBatch?.()
      options.onRead?.(after)
    }
    this.at = live
  }

  /** Rows that have events which the table no longer has, or lack some that it has by now, cannot be folded on. */
  private refuseOtherChanges(live: LiveTable): void {
    const { name } = this.projection
    const { shards, positions, setAside } = this.at
    const isBehind =
      live.shards === shards
        ? live.positions.some((position, shard) => position < (positions[shard] ?? 0n))
        : positions.some((position) => lowest(live.positions) < position)
    if (isBehind) throw new TableChangedError(name, 'went back')
    const below = (events: LiveTable['setAside']) =>
      new Map([...events].filter(([position]) => position <= lowest(positions)))
    if (!isDeepStrictEqual(below(setAside), below(live.setAside)))
      throw new TableChangedError(name, 'has other parked events')
  }

  private weigh(keys: Iterable<RowKey>): void {
    for (const key of keys) {
      const row = this.folded.rows.get(key)
      const size = bytesPerKey + (row ? rowsToJson(this.projection.columns, [row]).length : 0)
      this.total += size - (this.sizes.get(key) ?? 0)
      this.sizes.set(key, size)
      if (size > this.heaviest) this.heaviest = size
    }
  }
}

function lowest(positions: readonly bigint[]): bigint {
  return positions.reduce((least, each) => (each < least ? each : least))
}
