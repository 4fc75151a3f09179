import type { Database, RecordedEvent } from '@tidemark/eventstore'
import { typesOf } from './any-projection.js'
import type { Projection, RowKey } from './define-projection.js'
import { keysOf, RowFold } from './fold-rows.js'
import type { Row } from './row.js'
import { TableStatements } from './sql/table-statements.js'
import { shapeFor } from './table-lifecycle.js'

/** The rows of an inline read model, in whichever table is live. */
export class InlineTable {
  private readonly fold: RowFold
  private readonly categories: ReadonlySet<string>
  private readonly types: ReadonlySet<string>
  private statements: { readonly table: string; readonly on: TableStatements } | undefined

  constructor(readonly projection: Projection) {
    this.fold = new RowFold(projection)
    this.categories = new Set(projection.aggregates.map(({ name }) => name))
    this.types = new Set(typesOf(projection))
  }

  /** Whether an event may touch a row. */
  concerns(category: string, type: string): boolean {
    return this.types.has(type) && this.categories.has(category)
  }

  /**
   * Folds events, their data in clear, into the rows of a table: at most one read, one write and one delete.
   *
   * @throws {HandlerFailedError} @throws {InvalidRowError}
   */
  async apply(database: Database, table: string, events: readonly RecordedEvent[]): Promise<void> {
    const steps = this.fold.plan(events)
    const keys = keysOf(steps)
    if (keys.length === 0) return
    const statements = this.statementsOn(table)
    const rows: Map<RowKey, Row | null> = await statements.selectRows(database, keys)
    await statements.write(database, this.fold.apply(steps, rows))
  }

  private statementsOn(table: string): TableStatements {
    if (this.statements?.table !== table)
      this.statements = { table, on: new TableStatements(shapeFor(this.projection, table)) }
    return this.statements.on
  }
}
