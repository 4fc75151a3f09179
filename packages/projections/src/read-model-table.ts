import { on, type LogShard, type RecordedEvent } from '@tidemark/eventstore'
import type { ClientBase } from 'pg'
import type { Projection, RowKey } from './define-projection.js'
import { keysOf, RowFold } from './fold-rows.js'
import { Parking, type StreamKey } from './poison/parking.js'
import type { Row } from './row.js'
import { rowShardOf } from './shard.js'
import { insertParked, selectParkedStreams } from './sql/parked-statements.js'
import { TableStatements, type RowChanges } from './sql/table-statements.js'
import { shapeFor } from './table-lifecycle.js'
import type { ProjectionStore } from './projection-store.js'

/** The table of one build, and what batches of events do to it. Whoever has its checkpoint is the only one who changes it. */
export class ReadModelTable {
  private readonly fold: RowFold
  private readonly statements: TableStatements
  private waiting: ReadonlyMap<StreamKey, bigint> | undefined

  constructor(
    private readonly store: ProjectionStore,
    readonly projection: Projection,
    /** Without its schema. */
    readonly name: string,
    readonly shard?: LogShard,
  ) {
    this.fold = new RowFold(projection, rowShardOf({ projection, shard }))
    this.statements = new TableStatements(shapeFor(projection, name))
  }

  /** Forgets which streams wait: another process may have had the checkpoint since. */
  reload(): void {
    this.waiting = undefined
  }

  /**
   * Folds events into the table's rows within the caller's transaction: at most one read of rows, one write and one delete.
   *
   * An event that fails is set aside as the projection's policy says, or thrown unless `tolerant`.
   */
  async apply(transaction: ClientBase, events: readonly RecordedEvent[], tolerant: boolean): Promise<RowChanges> {
    const { projection, name } = this
    const database = on(this.store.database, transaction)
    const steps = this.fold.plan(await this.store.reveal(projection.aggregates, events, transaction))
    this.waiting ??= await selectParkedStreams(database, name)
    const parking = new Parking(new Map(this.waiting), tolerant ? projection.poison.policy : 'stop')
    const keys = keysOf(steps)
    const rows: Map<RowKey, Row | null> =
      keys.length > 0 ? await this.statements.selectRows(database, keys) : new Map<RowKey, Row>()
    const changes = this.fold.apply(steps, rows, parking)
    await this.statements.write(database, changes)
    if (parking.setAside.length > 0) {
      const consumer = { consumer: name, projection: projection.name, shard: this.shard?.index ?? 0 }
      await insertParked(database, consumer, parking.setAside)
      // Read anew once the transaction is committed, if it is.
      this.reload()
    }
    return changes
  }
}
