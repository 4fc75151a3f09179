import type { ClientBase, Pool } from 'pg'
import type { Database } from './database.js'
import type { AnyAggregate } from './define-aggregate.js'
import type { RecordedEvent } from './event.js'

/** A read model that takes its events from a consumer of theirs and not from the log: what such a consumer needs of it. */
export interface FedReadModel {
  readonly name: string
  /** Whose events it is made from. */
  readonly aggregates: readonly AnyAggregate[]
  /** The database of its rows, in whose transactions all that guards them moves. */
  readonly pool: Pool
  readonly database: Database
  /**
   * Finds the table that a feeder feeds. Where there is none yet, the live one is brought to the head of the log and taken from whoever kept it.
   *
   * Several processes may call it at once.
   */
  attach(options: AttachFeederOptions): Promise<FedTable>
}

export interface AttachFeederOptions {
  /** Who feeds it, the same for all processes that do it together. */
  readonly feeder: string
  /**
   * Called before the table is taken over: notes where the feed is now. Every event that it has had by then will be in the rows. What it returns is
   * called in the transaction of the hand-over, to store that beside the table.
   */
  readonly begin: () => Promise<(transaction: ClientBase, tableId: string) => Promise<void>>
  readonly signal?: AbortSignal
}

/** A table that a feeder feeds. */
export interface FedTable {
  /** No other table has it, nor ever will. */
  readonly id: string
  /** The events of the log up to here are in its rows, from before it was fed. */
  readonly position: bigint
  /** Called first in a transaction: false when the table is not the live one any more, or not this feeder's. It is not replaced until the transaction ends. */
  enter(transaction: ClientBase): Promise<boolean>
  /** The last versions of streams up to {@link FedTable.position}; a stream without events up to there is left out. */
  versions(transaction: ClientBase, streamIds: readonly string[]): Promise<ReadonlyMap<string, bigint>>
  /** Folds events, as they are stored and in the order of their streams, into the rows within the transaction. Whatever it throws undoes them. */
  apply(transaction: ClientBase, events: readonly RecordedEvent[]): Promise<void>
}
