import { setImmediate as turn } from 'node:timers/promises'
import { on, type LogShard, type RecordedEvent } from '@tidemark/eventstore'
import type { ClientBase } from 'pg'
import type { Projection, RowKey } from './define-projection.js'
import { keysOf, RowFold } from './fold-rows.js'
import { Parking, type SetAside } from './poison/parking.js'
import { rowsToJson, type Row } from './row.js'
import { rowShardOf } from './shard.js'
import { copyRows } from './sql/copy-rows.js'
import { insertParked, selectParkedStreams } from './sql/parked-statements.js'
import { TableStatements, type RowChanges, type TableShape } from './sql/table-statements.js'
import { shapeFor } from './table-lifecycle.js'
import type { ProjectionStore } from './projection-store.js'

/** What a transaction of a build writes. */
export interface BuildChanges extends RowChanges {
  /** Rows whose keys the table does not have. */
  readonly inserts: readonly Row[]
  readonly setAside: readonly SetAside[]
}

export interface BuildRowsOptions {
  /** Whether the table has no rows yet, so that none need be looked up. */
  readonly empty: boolean
  /** How many changed rows are held before they must be written. */
  readonly maxChanged: number
  /** What the rows in memory have at most, as JSON text and {@link bytesPerEntry} each; as objects they take some times as much. 48 MiB unless said. */
  readonly maxBytes?: number
  /** The part of the events that are folded here; all unless given. */
  readonly shard?: LogShard | undefined
}

const sampledRows = 8
/** Handlers that take long must not keep the program from its heartbeats, its connections and its signals. */
const stepsAtOnce = 100
const longestTurnMs = 100
/** What a row takes besides its values: an object, and its key in a map and in sets. Without it small rows were ten times what they were counted. */
const bytesPerEntry = 250

/**
 * The rows of a build in memory: folded over many batches, and written when there is enough of them.
 *
 * Nobody else writes the table of a build (its checkpoint sees to it), so what was read or written once need not be read again. A key that a
 * thousand events touch is written a few times and not a thousand.
 */
export class BuildRows {
  readonly shard: LogShard | undefined
  private readonly folder: RowFold
  private readonly shape: TableShape
  private readonly statements: TableStatements
  private readonly rows = new Map<RowKey, Row | null>()
  /** Differ from the table. */
  private changed = new Set<RowKey>()
  /** On their way into the table. */
  private taken = new Set<RowKey>()
  private trimDue = false
  private parking: Parking | undefined
  /** Whether every row of the table is in memory. */
  private complete: boolean
  /** Rows in memory that the table has, or is about to have; the others it has not. */
  private readonly stored = new Set<RowKey>()
  private bytesPerRow = 0
  private readonly maxBytes: number

  constructor(
    private readonly store: ProjectionStore,
    readonly projection: Projection,
    /** The table, without its schema. */
    readonly table: string,
    private readonly options: BuildRowsOptions,
  ) {
    this.shard = options.shard
    this.folder = new RowFold(projection, rowShardOf(this))
    this.shape = shapeFor(projection, table)
    this.statements = new TableStatements(this.shape)
    this.complete = options.empty
    this.maxBytes = options.maxBytes ?? 48 * 1024 * 1024
  }

  /** Folds events into the rows in memory; one that fails is set aside as the projection's policy says, or thrown. */
  async fold(events: readonly RecordedEvent[]): Promise<void> {
    this.parking ??= new Parking(
      await selectParkedStreams(this.store.database, this.table),
      this.projection.poison.policy,
    )
    if (this.trimDue) this.trim()
    const steps = this.folder.plan(await this.store.reveal(this.projection.aggregates, events))
    if (!this.complete) await this.lookUp(keysOf(steps))
    const folded: Row[] = []
    let turnedAt = performance.now()
    for (let from = 0; from < steps.length; from += stepsAtOnce) {
      const { upserts, deletes } = this.folder.apply(steps.slice(from, from + stepsAtOnce), this.rows, this.parking)
      for (const row of upserts) this.changed.add(row[this.projection.key] as RowKey)
      for (const key of deletes) this.changed.add(key)
      folded.push(...upserts)
      if (performance.now() - turnedAt < longestTurnMs) continue
      await turn()
      turnedAt = performance.now()
    }
    this.weigh(folded)
  }

  /** Whether there is enough to be worth a transaction. */
  get isFull(): boolean {
    return this.changed.size >= this.options.maxChanged || this.rows.size * this.bytesPerRow >= this.maxBytes
  }

  /** What has changed since the last call, whose changes must be written by now. */
  takeChanges(): BuildChanges {
    const inserts: Row[] = []
    const upserts: Row[] = []
    const deletes: RowKey[] = []
    for (const key of this.changed) {
      const row = this.rows.get(key)
      if (!row) {
        deletes.push(key)
        this.stored.delete(key)
      } else if (this.stored.has(key)) {
        upserts.push(row)
      } else {
        // A table that was not empty at first may be live, and others may add rows to it.
        if (this.options.empty) inserts.push(row)
        else upserts.push(row)
        this.stored.add(key)
      }
    }
    this.taken = this.changed
    this.changed = new Set()
    return { inserts, upserts, deletes, setAside: this.parking?.takeOut() ?? [] }
  }

  /** Writes changes in the caller's transaction. */
  async write(transaction: ClientBase, { inserts, upserts, deletes, setAside }: BuildChanges): Promise<void> {
    const database = on(this.store.database, transaction)
    if (inserts.length > 0) await copyRows(transaction, database.schema, this.shape, inserts)
    await this.statements.write(database, { upserts, deletes })
    if (setAside.length === 0) return
    const consumer = { consumer: this.table, projection: this.projection.name, shard: this.shard?.index ?? 0 }
    await insertParked(database, consumer, setAside)
  }

  /** The changes that were taken last are committed. */
  written(): void {
    this.taken = new Set()
    this.trimDue = true
  }

  /**
   * Lets go of rows that are in the table as they are here, where they take too much memory.
   *
   * Only between two batches: a batch counts on what it has looked up.
   */
  private trim(): void {
    this.trimDue = false
    if (this.rows.size * this.bytesPerRow < this.maxBytes / 2) return
    for (const key of this.rows.keys()) {
      if (this.changed.has(key) || this.taken.has(key)) continue
      this.rows.delete(key)
      this.stored.delete(key)
      this.complete = false
    }
  }

  private async lookUp(keys: readonly RowKey[]): Promise<void> {
    const unknown = keys.filter((key) => !this.rows.has(key))
    if (unknown.length === 0) return
    const found = await this.statements.selectRows(this.store.database, unknown)
    for (const key of unknown) this.rows.set(key, found.get(key) ?? null)
    for (const key of found.keys()) this.stored.add(key)
  }

  /** Rows differ, so a few of each batch stand for the others. */
  private weigh(upserts: readonly Row[]): void {
    const step = Math.max(1, Math.floor(upserts.length / sampledRows))
    const sample = upserts.filter((_, index) => index % step === 0)
    if (sample.length === 0) return
    const bytes = bytesPerEntry + rowsToJson(this.projection.columns, sample).length / sample.length
    this.bytesPerRow = Math.max(bytes, this.bytesPerRow * 0.9)
  }
}
