import { on, type FedTable, type RecordedEvent } from '@tidemark/eventstore'
import type { ClientBase } from 'pg'
import type { Projection } from '../define-projection.js'
import { checkpointNameOf } from '../names.js'
import { logDatabaseFor, type ProjectionStore } from '../projection-store.js'
import { ReadModelTable } from '../read-model-table.js'
import { enterInline } from '../sql/inline-statements.js'
import { selectStreamEnds } from '../sql/select-stream-ends.js'
import { setUpBatch } from '../sql/set-up-batch.js'

/** A member that is paused in a transaction holds up the one that has its partition now: Postgres ends it after so long. */
const idleMs = 10_000

/** What the table of a read model is called beside its rows: in the inbox and among the offsets. */
export const tableIdOf = checkpointNameOf

/** The table that a consumer group feeds, for as long as it is live. */
export class LiveFedTable implements FedTable {
  readonly id: string
  readonly position: bigint
  private readonly table: string
  private readonly feeder: string
  private readonly rows: ReadModelTable

  constructor(
    private readonly store: ProjectionStore,
    private readonly projection: Projection,
    {
      table,
      position,
      feeder,
    }: { readonly table: string; readonly position: bigint | undefined; readonly feeder: string },
  ) {
    this.id = tableIdOf(table)
    this.position = position ?? 0n
    this.table = table
    this.feeder = feeder
    this.rows = new ReadModelTable(store, projection, table)
  }

  async enter(transaction: ClientBase): Promise<boolean> {
    const database = on(this.store.database, transaction)
    await setUpBatch(database, { idleMs, commit: 'durable' })
    const [live] = await enterInline(database, [this.projection.name])
    return live?.table === this.table && live.fedBy === this.feeder
  }

  async versions(transaction: ClientBase, streamIds: readonly string[]): Promise<ReadonlyMap<string, bigint>> {
    const log = logDatabaseFor(this.store, on(this.store.database, transaction))
    const ends = await selectStreamEnds(log, streamIds, this.position)
    return new Map([...ends].map(([streamId, { version }]) => [streamId, version]))
  }

  async apply(transaction: ClientBase, events: readonly RecordedEvent[]): Promise<void> {
    if (events.length > 0) await this.rows.apply(transaction, events, false)
  }
}
