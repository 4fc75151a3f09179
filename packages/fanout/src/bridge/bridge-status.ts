import { setTimeout as sleep } from 'node:timers/promises'
import { selectWaitingAges, type EventStore, type Head, type OperableStatus, type Stall } from '@tidemark/eventstore'
import { selectBridgeProgress, type BridgeProgress } from '../sql/select-bridge-progress.js'
import type { BridgeDefinition } from './define-bridge.js'

/** How a bridge is getting on. */
export interface BridgeStatus extends OperableStatus {
  readonly kind: 'bridge'
  readonly lagMs: number
  readonly eventsPerSecond: number | undefined
  readonly stall: Stall | undefined
  /** Of how many keys events are parked. */
  readonly parkedKeys: number
  /** How many events are parked, those that wait for an earlier one included. */
  readonly parkedEvents: number
  /** How long the oldest event that is not published has been in the log, parked ones included, in milliseconds; 0 when there is none. */
  readonly oldestUnsentMs: number
  /** How often the batch that is next has failed. */
  readonly failures: number
  /** How many records this process has published; undefined where another process is asked about. */
  readonly published: number | undefined
  /** How long brokers took to acknowledge a request lately, in milliseconds; undefined where another process is asked about, or nothing was sent. */
  readonly acknowledgedInMs: number | undefined
}

/** The name of a bridge's checkpoint. */
export function checkpointNameOf(bridge: string): string {
  return `bridge:${bridge}`
}

export interface ListBridgesOptions {
  /** Looks again after so many milliseconds where one that runs is behind, to tell how fast it gets on; looks once unless given. */
  readonly measureMs?: number
}

/** For how long whoever has a bridge may work on one batch before it is said that it does not move. */
const stillMs = 10_000

/**
 * How bridges are getting on, from the database alone: for a process that runs none of them.
 *
 * One that nobody runs is `stopped`, or `failed` where it left an error behind. How fast one gets on takes two looks to tell.
 *
 * @example
 * for (const { name, state, lag, parkedKeys } of await listBridges(store, [orders])) console.log(name, state, lag, parkedKeys)
 */
export async function listBridges(
  store: EventStore,
  bridges: readonly BridgeDefinition[],
  { measureMs }: ListBridgesOptions = {},
): Promise<BridgeStatus[]> {
  const first = await lookAtBridges(store, bridges)
  if (measureMs === undefined || !first.some(({ state, lag }) => state === 'running' && lag > 0n)) return first
  const lookedAt = performance.now()
  await sleep(measureMs)
  const second = await lookAtBridges(store, bridges)
  const seconds = (performance.now() - lookedAt) / 1000
  return second.map((status, index) => {
    const eventsPerSecond = Number(status.position - (first[index]?.position ?? 0n)) / seconds
    return { ...status, eventsPerSecond, etaMs: etaOf(status.lag, eventsPerSecond) }
  })
}

async function lookAtBridges(store: EventStore, bridges: readonly BridgeDefinition[]): Promise<BridgeStatus[]> {
  const names = bridges.map(({ name }) => ({ name, checkpoint: checkpointNameOf(name) }))
  const progress = await selectBridgeProgress(store.database, names)
  const head = await store.head()
  const positionOf = (name: string) => progress.get(name)?.position ?? 0n
  const behind = names.map(({ name }) => positionOf(name)).filter((position) => position < head.lastPosition)
  const ages = await selectWaitingAges(store.database, behind)
  return bridges.map(({ name }) => {
    const known = progress.get(name)
    if (!known) throw new Error(`bridge "${name}" was not looked at`)
    return statusOf(name, known, { head, lagMs: ages.get(positionOf(name)) ?? 0 })
  })
}

function statusOf(
  name: string,
  known: BridgeProgress,
  { head, lagMs }: { readonly head: Head; readonly lagMs: number },
): BridgeStatus {
  const { position = 0n, error, owner, parkedKeys, parkedEvents, failures, oldestParkedMs = 0, paused } = known
  const lag = head.position > position ? head.position - position : 0n
  return {
    ...{ kind: 'bridge', name, state: stateOf(known), position, head: head.position, lag, lagMs, owner, failures },
    ...{ parkedKeys, parkedEvents, oldestUnsentMs: Math.max(lagMs, oldestParkedMs) },
    error: paused === undefined ? error : `paused: ${paused}`,
    stall: stallOf(known, { head, lagMs }),
    ...{ eventsPerSecond: undefined, etaMs: undefined, published: undefined, acknowledgedInMs: undefined },
  }
}

function stateOf({ paused, error, owner }: BridgeProgress): BridgeStatus['state'] {
  if (paused !== undefined) return 'paused'
  if (owner === undefined) return error === undefined ? 'stopped' : 'failed'
  return error === undefined ? 'running' : 'retrying'
}

/** Why a bridge does not get on, what holds it most of all first. */
function stallOf(known: BridgeProgress, { head, lagMs }: { head: Head; lagMs: number }): Stall | undefined {
  const { paused, error, failures, retryInMs, owner, position, unmovedMs } = known
  if (paused !== undefined) return { reason: 'paused', why: paused }
  if (error !== undefined)
    return { reason: 'poison', error, failures, retryInMs: owner === undefined ? undefined : (retryInMs ?? 0) }
  if (position === undefined || owner === undefined) return { reason: 'lease', owner: undefined }
  if (position < head.position) return Math.min(unmovedMs, lagMs) > stillMs ? { reason: 'lease', owner } : undefined
  return head.lastPosition > head.position ? { reason: 'head-held-back', pid: head.heldBackByPid } : undefined
}

/** One that does not move never comes. */
export function etaOf(lag: bigint, perSecond: number): number | undefined {
  if (lag === 0n) return 0
  return perSecond <= 0 ? undefined : Math.round((Number(lag) / perSecond) * 1000)
}
