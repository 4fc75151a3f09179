import { on, type EventStore, type LogShard, type RecordedEvent } from '@tidemark/eventstore'
import type { ClientBase } from 'pg'
import type { Projection, RowKey } from './define-projection.js'
import { RowFold, type RowChanges } from './fold-rows.js'
import type { Row } from './row.js'
import { rowShardOf } from './shard.js'
import { TableStatements } from './sql/table-statements.js'
import { shapeFor } from './table-lifecycle.js'

/** The table of one build, and what batches of events do to it. */
export class ReadModelTable {
  private readonly fold: RowFold
  private readonly statements: TableStatements

  constructor(
    private readonly store: EventStore,
    readonly projection: Projection,
    /** Without its schema. */
    readonly name: string,
    readonly shard?: LogShard,
  ) {
    this.fold = new RowFold(projection, rowShardOf({ projection, shard }))
    this.statements = new TableStatements(shapeFor(projection, name))
  }

  /** Folds events into the table's rows within the caller's transaction: at most one read of rows, one write and one delete. */
  async apply(transaction: ClientBase, events: readonly RecordedEvent[]): Promise<RowChanges> {
    const database = on(this.store.database, transaction)
    const steps = this.fold.plan(await this.store.reveal(this.projection.aggregates, events, transaction))
    const keys = new Set<RowKey>()
    for (const step of steps) for (const key of step.keys) keys.add(key)
    if (keys.size === 0) return { upserts: [], deletes: [] }
    const rows: Map<RowKey, Row | null> = await this.statements.selectRows(database, [...keys])
    const changes = this.fold.apply(steps, rows)
    if (changes.upserts.length > 0) await this.statements.upsertRows(database, changes.upserts)
    if (changes.deletes.length > 0) await this.statements.deleteRows(database, changes.deletes)
    return changes
  }
}
