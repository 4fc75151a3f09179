import { inTransaction, on, pauseCheckpoints, resumeCheckpoints, type EventStore } from '@tidemark/eventstore'
import { lockLanes, selectLaneCheckpoints } from '../sql/lane-statements.js'

/**
 * Lets a bridge stand still, whichever processes run it, until it is resumed; records on their way may still arrive. Pausing twice keeps the first reason.
 *
 * @returns whether it was not paused before; false also for one that was never started.
 *
 * @example
 * await pauseBridge(store, 'orders', 'the brokers are upgraded')
 */
export async function pauseBridge(store: EventStore, bridge: string, reason: string): Promise<boolean> {
  return changeLanes(store, bridge, (database, names) => pauseCheckpoints(database, names, reason))
}

/**
 * Lets a bridge go on that was paused, or that halted: whatever process has it tries at once.
 *
 * @returns whether it had stood still.
 */
export async function resumeBridge(store: EventStore, bridge: string): Promise<boolean> {
  return changeLanes(store, bridge, resumeCheckpoints)
}

/** All lanes, with none made or replaced meanwhile. */
function changeLanes(
  store: EventStore,
  bridge: string,
  change: (database: EventStore['database'], names: readonly string[]) => Promise<readonly string[]>,
): Promise<boolean> {
  return inTransaction(store.pool, async (client) => {
    const database = on(store.database, client)
    await lockLanes(database, bridge)
    const lanes = await selectLaneCheckpoints(database, bridge)
    const changed = await change(
      database,
      lanes.map(({ name }) => name),
    )
    return changed.length > 0
  })
}
