import {
  checkpointMisfit,
  databaseOf,
  inTransaction,
  LeaseKeeper,
  listCheckpoints,
  LogMismatchError,
  on,
  silentLogger,
  type CheckpointMisfit,
  type CheckpointPlace,
  type Database,
  type DatabaseOptions,
  type EventStore,
  type Logger,
} from '@tidemark/eventstore'
import type { Pool } from 'pg'
import { ReadModelsRefusedError } from './errors.js'
import { FollowedLog } from './followed-log.js'
import type { ProjectionStore } from './projection-store.js'
import * as statements from './sql/followed-log-statements.js'

export interface ReadModelsInOptions extends DatabaseOptions {
  readonly logger?: Logger
}

/**
 * Keeps read models in another database than the log: gives what projectors, rebuilds and all the others take in place of the store.
 *
 * The database was migrated with `readModelsOnly`, under a schema that need not have the log's name. Rows and checkpoints share its transactions, so
 * an event is in the rows once; the log is read through the store's own pool. The pool stays the caller's. What follows the log here ends with the store.
 *
 * @throws {ReadModelsRefusedError} the database has a log of its own, or the read models of another log.
 *
 * @example
 * const readModels = await readModelsIn(store, new pg.Pool({ connectionString: process.env.READ_MODELS_URL }))
 * const projector = createProjector(readModels, [orderSummary])
 */
export async function readModelsIn(
  store: EventStore,
  pool: Pool,
  { logger = silentLogger, ...options }: ReadModelsInOptions = {},
): Promise<ReadModelStore> {
  const database = databaseOf(pool, options)
  const origin = await statements.selectLogOrigin(store.database)
  const { followed, name } = await statements.followLog(database, origin)
  if (followed === undefined)
    throw new ReadModelsRefusedError(
      database.schema,
      'it can have a log of its own: migrate an empty database with `readModelsOnly`, or give the store itself where the log is in this one',
    )
  if (followed !== origin)
    throw new ReadModelsRefusedError(
      database.schema,
      'it has the read models of another log: migrate a database, or a schema, for each log',
    )
  // An idle connection that breaks must not end the program: the pool replaces it at the next use.
  if (!pool.listeners('error').includes(ignore)) pool.on('error', ignore)
  return new ReadModelStore(store, { pool, database, name, logger })
}

const ignore = () => undefined
const noteEveryMs = 5000

/** Read models in another database than their log; made by {@link readModelsIn}. */
export class ReadModelStore implements ProjectionStore {
  readonly pool: Pool
  readonly database: Database
  readonly leases: LeaseKeeper
  readonly logDatabase: Database
  readonly log: FollowedLog
  /** What the log's database calls them. */
  private readonly name: string
  private notedAt = -Infinity

  /** @internal Use {@link readModelsIn}. */
  constructor(
    private readonly store: EventStore,
    { pool, database, name, logger }: { pool: Pool; database: Database; name: string; logger: Logger },
  ) {
    this.pool = pool
    this.database = database
    this.name = name
    this.leases = new LeaseKeeper(database, logger)
    this.logDatabase = store.database
    this.log = new FollowedLog(store.log, store.database)
  }

  head(): ReturnType<EventStore['head']> {
    return this.log.head()
  }

  subscribe(options: Parameters<EventStore['subscribe']>[0]): ReturnType<EventStore['subscribe']> {
    return this.store.subscribe(options, this)
  }

  /** Joins no transaction of the caller: theirs are in another database than the keys. */
  reveal(...[aggregates, events]: Parameters<EventStore['reveal']>): ReturnType<EventStore['reveal']> {
    return this.store.reveal(aggregates, events)
  }

  /** Joins no transaction of the caller either. */
  readEventsAt(...[positions]: Parameters<EventStore['readEventsAt']>): ReturnType<EventStore['readEventsAt']> {
    return this.store.readEventsAt(positions)
  }

  /** @internal Asked once per batch: one look into the database of the log. */
  async verifyPlace(checkpoint: string, { position, eventId }: CheckpointPlace): Promise<string> {
    const found = await statements.selectProof(this.logDatabase, position)
    if (position > 0n && found.eventId !== eventId)
      throw new LogMismatchError(checkpoint, position, `event ${eventId} is not where it was`)
    return found.epoch
  }

  /**
   * Notes beside the log up to where it was read here, so that no event is truncated that a read model has yet to see; `sometimes` is every five
   * seconds at most. A projector calls it.
   */
  async noteProgress(when: 'now' | 'sometimes' = 'now'): Promise<void> {
    if (when === 'sometimes' && performance.now() - this.notedAt < noteEveryMs) return
    this.notedAt = performance.now()
    const position = await statements.selectReadPosition(this.database)
    if (position !== undefined)
      await statements.noteReadPosition(this.logDatabase, `read-models:${this.name}`, position)
  }

  /** The checkpoints that were not made on the log as it is; none unless it was restored to an earlier point. */
  async misfits(): Promise<readonly CheckpointMisfit[]> {
    const misfits: CheckpointMisfit[] = []
    for (const checkpoint of await listCheckpoints(this.database)) {
      const { name, position } = checkpoint
      const reason = await checkpointMisfit(this.log, checkpoint)
      if (reason !== undefined) misfits.push({ name, position, reason })
    }
    return misfits
  }

  /**
   * Moves the checkpoints back that do not fit the log, after it was restored to an earlier point; those that fit stay, and none is moved forward.
   *
   * `to` is the last position that is the same in the lost log and in this one, or 0. Rows do not go back: rebuild the read models that it names. Call it
   * after `store.newEpoch()`, while no projector runs; calling it again does nothing.
   *
   * @example
   * await store.newEpoch({ reason: 'restored to 12:03 after a bad deploy' })
   * for (const { name } of await readModels.rewind(48_120n)) console.log('rebuild what', name, 'belongs to')
   */
  async rewind(to: bigint): Promise<readonly (CheckpointMisfit & { readonly to: bigint })[]> {
    const epoch = await this.log.epoch()
    const misfits = await this.misfits()
    const moved = misfits.map((misfit) => ({ ...misfit, to: to < misfit.position ? to : misfit.position }))
    await inTransaction(this.pool, async (client) => {
      const database = on(this.database, client)
      for (const { name, to: position } of moved) {
        const eventId = await this.log.lastEventId(position)
        await statements.rewindCheckpoint(database, name, { position, eventId, epoch })
      }
    })
    return moved
  }
}
