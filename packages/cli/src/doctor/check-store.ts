import {
  checkpointMisfit,
  listCheckpoints,
  LogRestoredError,
  StoreCorruptError,
  type AnyAggregate,
  type Database,
  type EventStore,
} from '@tidemark/eventstore'
import { selectBackend } from '../sql/select-backend.js'
import { selectSnapshotVersions } from '../sql/select-snapshot-versions.js'
import { failure, fine, orFine, warning, type Finding } from './finding.js'

const newEpoch = 'follow the restore runbook of the operations guide, which ends with `tidemark db new-epoch`'

/** Whether positions are given out as the safe head needs it, by a sequence that is not behind the table. */
export async function checkSequence(store: EventStore): Promise<readonly Finding[]> {
  try {
    await store.verifyEpoch()
    return [fine('sequence', 'positions are given out in order, and none twice')]
  } catch (error) {
    // What they do not fit is told with the checkpoints.
    if (error instanceof LogRestoredError)
      return [failure('sequence', 'the log was restored to an earlier point', newEpoch)]
    if (!(error instanceof StoreCorruptError)) throw error
    return error.defects.map((defect) => {
      const [message = '', ...remedy] = defect.split(': ')
      return failure('sequence', message, remedy.join(': '))
    })
  }
}

/** How far the log may be read, and who holds that back. */
export async function checkHead(store: EventStore): Promise<Finding> {
  const { position, lastPosition, heldBackByPid: pid } = await store.head()
  if (position === lastPosition) return fine('head', `the log can be read up to its end at position ${position}`)
  const held = `${lastPosition - position} positions after ${position} cannot be read yet`
  const backend = pid === undefined ? undefined : await selectBackend(store.database, pid)
  if (pid === undefined)
    return failure(
      'head',
      `${held}: a prepared transaction that appends is open`,
      'select gid from pg_prepared_xacts; then commit prepared or rollback prepared',
    )
  if (!backend) return fine('head', `${held}, and what held them back has just ended`)
  const { user, application, client, state, openSeconds } = backend
  const who = `pid ${pid} (${application || 'no application name'}, user ${user}, from ${client}) has had an append open for ${openSeconds.toFixed(1)} s, and is ${state}`
  const remedy = `let it commit, or end it: select pg_terminate_backend(${pid})`
  return openSeconds < 5 ? warning('head', `${held}: ${who}`, remedy) : failure('head', `${held}: ${who}`, remedy)
}

/** Whether checkpoints fit the log, and whether somebody moves them. */
export async function checkCheckpoints(
  store: EventStore,
  database: Database,
  { now, hidesErrors }: { readonly now: Date; readonly hidesErrors: boolean },
): Promise<readonly Finding[]> {
  const [epoch, checkpoints] = [await store.log.epoch(), await listCheckpoints(database)]
  const findings: Finding[] = []
  for (const checkpoint of checkpoints) {
    const { name, position, owner, leaseUntil, error } = checkpoint
    const misfit = await checkpointMisfit(store.log, checkpoint)
    if (misfit !== undefined)
      findings.push(
        failure('checkpoints', `"${name}" at position ${position} does not fit the log: ${misfit}`, newEpoch),
      )
    else if (checkpoint.epoch !== undefined && checkpoint.epoch !== epoch)
      findings.push(
        warning(
          'checkpoints',
          `"${name}" is of another epoch of the log, and fits it`,
          '`tidemark start`: it goes on in the present one',
        ),
      )
    if (error !== undefined)
      findings.push(
        failure(
          'checkpoints',
          `"${name}" does not get on${hidesErrors ? '' : `: ${error}`}`,
          '`tidemark projections list` and `tidemark bridge list` say why',
        ),
      )
    if (owner !== undefined && leaseUntil !== undefined && leaseUntil < now) {
      const seconds = Math.round((now.getTime() - leaseUntil.getTime()) / 1000)
      findings.push(
        warning(
          'leases',
          `the lease on "${name}" ended ${seconds} s ago without being given back: its process was killed, and no other has taken over`,
          '`tidemark start`',
        ),
      )
    }
  }
  return orFine(findings, 'checkpoints', `${checkpoints.length} checkpoints fit the log`)
}

/** Whether the snapshots that are there are of the versions that the code can use. */
export async function checkSnapshots(
  store: EventStore,
  aggregates: readonly AnyAggregate[],
): Promise<readonly Finding[]> {
  const findings = (await selectSnapshotVersions(store.database)).flatMap(
    ({ category, snapshotVersion, count }): Finding[] => {
      const policy = aggregates.find(({ name }) => name === category)?.snapshot
      if (!policy || snapshotVersion === policy.version) return []
      const message = `${count} snapshots of "${category}" are of version ${snapshotVersion}, this code uses ${policy.version}`
      return snapshotVersion > policy.version
        ? [
            warning(
              'snapshots',
              `${message}: newer code runs beside it`,
              'finish the deployment, or raise snapshot.version past theirs',
            ),
          ]
        : [fine('snapshots', `${message}; they are ignored, and replaced as commands come in`)]
    },
  )
  return orFine(findings, 'snapshots', 'all are of the versions that this code uses')
}
