import { Checkpoint } from '@tidemark/eventstore'
import { BuildRows } from './build-rows.js'
import { copyLog, type CopyOptions } from './copy-log.js'
import type { Projection } from './define-projection.js'
import { shardsOf } from './names.js'
import { ReadModelTable } from './read-model-table.js'
import type { RegisteredTable } from './sql/registry-statements.js'
import type { ProjectionStore } from './projection-store.js'

/** A shard of a table whose checkpoint the caller has. */
export interface TablePart {
  readonly table: ReadModelTable
  readonly checkpoint: Checkpoint
}

/** Limits of {@link TableParts.copy}. */
export type CopyLimits = Omit<CopyOptions, 'upTo'> & {
  /** About how many rows a transaction writes at most. */
  readonly rowsPerTransaction: number
}

/**
 * All shards of a table in one hand: nobody else moves their checkpoints until they are let go.
 *
 * Whoever had them before finds out at its next batch, and takes them again afterwards.
 */
export class TableParts {
  private constructor(
    readonly store: ProjectionStore,
    readonly registered: Pick<RegisteredTable, 'name' | 'version' | 'table' | 'shards'>,
    readonly parts: readonly TablePart[],
  ) {}

  /** Takes the shards, except one that the caller has already. */
  static async take(
    store: ProjectionStore,
    projection: Projection,
    registered: TableParts['registered'],
    { owner, leaseMs, mine }: { readonly owner: string; readonly leaseMs: number; readonly mine?: Checkpoint },
  ): Promise<TableParts> {
    const parts: TablePart[] = []
    for (const { checkpoint: name, shard } of shardsOf(registered.table, registered.shards)) {
      const checkpoint = name === mine?.name ? mine : await Checkpoint.take(store.database, name, { owner, leaseMs })
      if (!checkpoint) throw new Error(`the checkpoint ${name} is missing`)
      store.leases.hold(checkpoint)
      parts.push({ table: new ReadModelTable(store, projection, registered.table, shard), checkpoint })
    }
    const taken = new TableParts(store, registered, parts)
    try {
      for (const { checkpoint } of parts) await store.verifyPlace?.(checkpoint.name, checkpoint.place)
    } catch (error) {
      await taken.letGo()
      throw error
    }
    return taken
  }

  /** Folds the log into the table up to a position, one shard after the other. */
  async copy(upTo: bigint, { rowsPerTransaction, ...limits }: CopyLimits): Promise<void> {
    for (const { table, checkpoint } of this.parts) {
      const options = { empty: false, maxChanged: rowsPerTransaction, shard: table.shard }
      const rows = new BuildRows(this.store, table.projection, table.name, options)
      await copyLog(this.store, rows, checkpoint, { upTo, ...limits }, () => undefined)
    }
  }

  /** Where the furthest shard is. */
  get furthest(): bigint {
    return this.parts.reduce(
      (most, { checkpoint }) => (checkpoint.place.position > most ? checkpoint.place.position : most),
      0n,
    )
  }

  /** Gives the shards back, so that nobody needs to wait for the end of their leases. */
  async letGo(): Promise<void> {
    for (const { checkpoint } of this.parts) {
      this.store.leases.letGo(checkpoint)
      await checkpoint.release().catch(() => undefined)
    }
  }
}
