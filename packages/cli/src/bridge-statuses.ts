import type { EventStore } from '@tidemark/eventstore'
import { listBridges, type BridgeDefinition, type BridgeStatus } from '@tidemark/fanout'
import { measureMs } from './measure-ms.js'

/** How a bridge is getting on, as a process that does not run it knows, and where it publishes. */
export interface ShownBridge extends Omit<BridgeStatus, 'published' | 'acknowledgedInMs'> {
  /** The topics that are known before the first event. */
  readonly topics: readonly string[]
}

/** Looks at bridges, and at those that are behind twice. */
export async function bridgeStatuses(
  store: EventStore,
  definitions: readonly BridgeDefinition[],
): Promise<ShownBridge[]> {
  const statuses = await listBridges(store, definitions, { measureMs })
  return statuses.map(({ published: _published, acknowledgedInMs: _acknowledgedInMs, ...status }, index) => ({
    ...status,
    topics: definitions[index]?.topics ?? [],
  }))
}
