import { listCheckpoints, type CheckpointStatus, type EventStore, type OperableStatus } from '@tidemark/eventstore'
import type { BridgeDefinition } from './define-bridge.js'

/** How a bridge is getting on. */
export interface BridgeStatus extends OperableStatus {
  readonly kind: 'bridge'
  /** How many records this process has published; undefined where another process is asked about. */
  readonly published: number | undefined
}

/** The name of a bridge's checkpoint. */
export function checkpointNameOf(bridge: string): string {
  return `bridge:${bridge}`
}

/**
 * How bridges are getting on, from the database alone: for a process that runs none of them.
 *
 * One that nobody runs is `stopped`, or `failed` where it left an error behind.
 *
 * @example
 * for (const { name, state, lag } of await listBridges(store, [orders])) console.log(name, state, lag)
 */
export async function listBridges(store: EventStore, bridges: readonly BridgeDefinition[]): Promise<BridgeStatus[]> {
  const [checkpoints, head] = await Promise.all([listCheckpoints(store.database, checkpointNameOf('')), store.head()])
  const byName = new Map(checkpoints.map((checkpoint) => [checkpoint.name, checkpoint]))
  return bridges.map(({ name }) => statusFromCheckpoint(name, byName.get(checkpointNameOf(name)), head.position))
}

function statusFromCheckpoint(name: string, checkpoint: CheckpointStatus | undefined, head: bigint): BridgeStatus {
  const { position = 0n, error, owner, leaseUntil } = checkpoint ?? {}
  // The lease ends by the database's clock; a clock that is wrong here shows a wrong word for some seconds, and no more.
  const owned = owner !== undefined && leaseUntil !== undefined && leaseUntil.getTime() > Date.now()
  const states = owned ? (['running', 'retrying'] as const) : (['stopped', 'failed'] as const)
  return {
    kind: 'bridge',
    name,
    state: states[error === undefined ? 0 : 1],
    position,
    head,
    lag: head > position ? head - position : 0n,
    error,
    owner: owned ? owner : undefined,
    published: undefined,
  }
}
