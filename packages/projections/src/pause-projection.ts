import { pauseCheckpoints, resumeCheckpoints } from '@tidemark/eventstore'
import type { AnyProjection } from './any-projection.js'
import { checkpointNameOf, handlerIdOf, shardsOf } from './names.js'
import { selectTables } from './sql/registry-statements.js'
import type { ProjectionStore } from './projection-store.js'

/**
 * Lets a projection stand still, whichever process runs it, until it is resumed; a batch in work is finished or rolled back.
 *
 * Tables that wait to be promoted, or were live before, stand still too; a rebuild goes on. Pausing twice keeps the first reason.
 *
 * @returns whether anything was running that is paused now.
 *
 * @example
 * await pauseProjection(store, orderSummary, 'the warehouse sends events twice')
 */
export async function pauseProjection(
  store: ProjectionStore,
  projection: AnyProjection,
  reason: string,
): Promise<boolean> {
  const names = await checkpointsOf(store, projection)
  return (await pauseCheckpoints(store.database, names, reason)).length > 0
}

/**
 * Lets a projection go on that was paused, or that stopped at an event; what failed is tried again at once.
 *
 * @returns whether it had stood still.
 */
export async function resumeProjection(store: ProjectionStore, projection: AnyProjection): Promise<boolean> {
  return (await resumeCheckpoints(store.database, await checkpointsOf(store, projection))).length > 0
}

async function checkpointsOf({ database }: ProjectionStore, projection: AnyProjection): Promise<string[]> {
  if (projection.kind === 'handler') return [checkpointNameOf(handlerIdOf(projection))]
  const tables = await selectTables(database, [projection.name])
  return tables
    .filter(({ status }) => status !== 'building')
    .flatMap(({ table, shards }) => shardsOf(table, shards).map(({ checkpoint }) => checkpoint))
}
