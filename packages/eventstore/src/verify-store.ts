import { checkpointMisfit, listCheckpoints } from './checkpoint.js'
import type { Database } from './database.js'
import { LogRestoredError, StoreCorruptError, type CheckpointMisfit } from './errors.js'
import type { LogSource } from './log-source.js'
import { confirmCluster } from './sql/confirm-cluster.js'
import { selectCluster } from './sql/select-cluster.js'
import { selectStoreFacts } from './sql/select-store-facts.js'

/**
 * Makes sure that positions are given out as the safe head needs it.
 *
 * A fence is taken before a position is, and tells the sequence's last value. A session that takes positions ahead, a sequence that turns back, or
 * an insert that passes the trigger would let a reader go past an event that is not committed yet.
 *
 * @throws {StoreCorruptError}
 */
export async function verifyAssumptions(database: Database): Promise<void> {
  const { schema } = database
  const facts = await selectStoreFacts(database)
  const sequence = `alter table ${schema}.events alter column position`
  const defects = [
    facts.identity === 'a' && facts.cache !== undefined
      ? undefined
      : `positions are not "generated always as identity": ${sequence} set generated always`,
    facts.cache === undefined || facts.cache === 1n
      ? undefined
      : `sessions take ${facts.cache} positions at once: ${sequence} set cache 1, after all writers were disconnected`,
    facts.cycles ? `the sequence of positions starts again at its end: ${sequence} set no cycle` : undefined,
    facts.increment === undefined || facts.increment === 1n
      ? undefined
      : `the sequence of positions goes in steps of ${facts.increment}: ${sequence} set increment 1`,
    facts.lastPosition >= facts.maxPosition
      ? undefined
      : `the sequence of positions is at ${facts.lastPosition}, the log at ${facts.maxPosition} (logical replication and some restores do not copy sequences): stop all writers, then ${sequence} restart with ${facts.maxPosition + 1n}`,
    facts.fence === 'A'
      ? undefined
      : facts.fence === undefined
        ? 'the trigger events_fence is missing, or does not fire before each insert: restore it from the migrations'
        : `the trigger events_fence does not fire for everybody: alter table ${schema}.events enable always trigger events_fence`,
  ].filter((defect) => defect !== undefined)
  if (defects.length > 0) throw new StoreCorruptError(schema, defects)
}

/**
 * Makes sure that the log is the one that it was when somebody last looked.
 *
 * On the same cluster and timeline that is one cheap query. On another (a standby was promoted, a backup restored) every checkpoint is compared with the
 * log: when all fit, the epoch stays and the new cluster is noted.
 *
 * @returns the cluster and timeline, to be compared with an earlier answer.
 * @throws {LogRestoredError} a checkpoint does not fit. @throws {StoreCorruptError} the store has lost its epoch.
 */
export async function verifyCluster(database: Database, source: LogSource): Promise<string> {
  const cluster = await selectCluster(database)
  if (!cluster)
    throw new StoreCorruptError(database.schema, [
      `the table ${database.schema}.store has no row: restore it with the log that it belongs to`,
    ])
  if (cluster.known) return cluster.identity
  const misfits = await findMisfits(database, source)
  if (misfits.length > 0) throw new LogRestoredError(misfits)
  await confirmCluster(database, cluster.epoch)
  return cluster.identity
}

/** The checkpoints that were not made on this log. */
export async function findMisfits(database: Database, source: LogSource): Promise<CheckpointMisfit[]> {
  const misfits: CheckpointMisfit[] = []
  for (const checkpoint of await listCheckpoints(database)) {
    const reason = await checkpointMisfit(source, checkpoint)
    if (reason !== undefined) misfits.push({ name: checkpoint.name, position: checkpoint.position, reason })
  }
  return misfits
}
