import type { EventStore, OperableStatus } from '@tidemark/eventstore'
import type { AnyProjection } from './any-projection.js'
import { checkpointNameOf, handlerIdOf } from './names.js'
import { selectProgress, type Progress } from './sql/select-progress.js'

/** How a projection is getting on. */
export interface ProjectionStatus extends OperableStatus {
  readonly kind: 'projection'
  /** The version in the code; `error` says so when another one is live. */
  readonly version: number
  /** The version whose rows are read now; undefined for a handler, and before the first start. */
  readonly liveVersion: number | undefined
  /** The live table, without its schema; undefined for a handler, and before the first start. */
  readonly table: string | undefined
  /** How many shards share its events. */
  readonly shards: number
  /** How often the batch that is next has failed. */
  readonly failures: number
}

/** What is asked for the progress of: names of read models, and handlers with their checkpoints. */
export function progressQueryOf(projections: readonly AnyProjection[]): {
  readonly readModels: readonly string[]
  readonly handlers: readonly { readonly name: string; readonly checkpoint: string }[]
} {
  return {
    readModels: projections.filter(({ kind }) => kind === 'read-model').map(({ name }) => name),
    handlers: projections
      .filter(({ kind }) => kind === 'handler')
      .map((handler) => ({ name: handler.name, checkpoint: checkpointNameOf(handlerIdOf(handler)) })),
  }
}

/**
 * Says how projections are getting on, by what the database knows; for a process that runs none of them.
 *
 * A state is what can be told from the checkpoints: `paused` when somebody paused it, `running` while each shard is in somebody's hands, `retrying`
 * when one of them reported an error, `failed` when the one that reported it is gone, else `stopped`.
 */
export async function listProjections(
  store: EventStore,
  projections: readonly AnyProjection[],
): Promise<ProjectionStatus[]> {
  const { readModels, handlers } = progressQueryOf(projections)
  const progress = await selectProgress(store.database, readModels, handlers)
  const head = (await store.head()).position
  return projections.map(({ name, version }) => {
    const known = progress.get(name)
    const position = known?.inline ? head : (known?.position ?? 0n)
    return {
      kind: 'projection',
      ...{ name, version, position, head },
      liveVersion: known?.version,
      state: stateOf(known),
      lag: head > position ? head - position : 0n,
      table: known?.table,
      error: known?.paused === undefined ? known?.error : `paused: ${known.paused}`,
      owner: known?.owner,
      shards: known?.shards ?? 1,
      failures: known?.failures ?? 0,
    }
  })
}

function stateOf(progress: Progress | undefined): ProjectionStatus['state'] {
  if (!progress) return 'stopped'
  if (progress.paused !== undefined) return 'paused'
  if (progress.error !== undefined) return progress.abandoned ? 'failed' : 'retrying'
  return progress.leaseRuns ? 'running' : 'stopped'
}
