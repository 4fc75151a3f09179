import { pauseCheckpoints, resumeCheckpoints, type EventStore } from '@tidemark/eventstore'
import { checkpointNameOf } from './bridge-status.js'

/**
 * Lets a bridge stand still, whichever process runs it, until it is resumed; records on their way may still arrive. Pausing twice keeps the first reason.
 *
 * @returns whether it was not paused before; false also for one that was never started.
 *
 * @example
 * await pauseBridge(store, 'orders', 'the brokers are upgraded')
 */
export async function pauseBridge(store: EventStore, bridge: string, reason: string): Promise<boolean> {
  return (await pauseCheckpoints(store.database, [checkpointNameOf(bridge)], reason)).length > 0
}

/**
 * Lets a bridge go on that was paused, or that halted: whatever process has it tries at once.
 *
 * @returns whether it had stood still.
 */
export async function resumeBridge(store: EventStore, bridge: string): Promise<boolean> {
  return (await resumeCheckpoints(store.database, [checkpointNameOf(bridge)])).length > 0
}
