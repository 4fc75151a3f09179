import { logWithin, type CheckpointPlace, type Database, type EventStore, type LogSource } from '@tidemark/eventstore'

/**
 * What projections need of a store: the log, and the database of the read models, with their checkpoints, in which they write.
 *
 * An `EventStore` is one, where both are in one database. `readModelsIn` makes one of another database.
 */
export interface ProjectionStore extends Pick<
  EventStore,
  'pool' | 'database' | 'leases' | 'subscribe' | 'log' | 'head' | 'reveal' | 'readEventsAt'
> {
  /** The database of the log, where it is not the one of the read models. */
  readonly logDatabase?: Database
  /**
   * Makes sure that a log in another database still has the event that a checkpoint was made on: it may go back without the checkpoint, and what follows
   * then need not follow what the checkpoint stands for. Gives the epoch of the log.
   *
   * @throws {LogMismatchError}
   */
  verifyPlace?(checkpoint: string, place: CheckpointPlace): Promise<string>
  /** Tells the log how far the read models have come, where it cannot see it. */
  noteProgress?(when: 'now' | 'sometimes'): Promise<void>
}

/** Where statements on the log go, for whoever is in a transaction on `database`: they join it, unless the log is in another database. */
export function logDatabaseFor({ logDatabase }: ProjectionStore, database: Database): Database {
  return logDatabase ?? database
}

/**
 * The log for whoever is in a transaction on `database`. Other transactions wait for that one, and may have all the connections that the pool or a pooler
 * has: the log is read by its own, unless it is in another database.
 */
export function logFor(
  store: ProjectionStore,
  database: Database,
  options?: Parameters<typeof logWithin>[1],
): Pick<LogSource, 'read' | 'epoch' | 'lastEventId'> {
  return store.logDatabase ? store.log : logWithin(database, options)
}
