import { setTimeout as sleep } from 'node:timers/promises'
import { selectWaitingAges, type EventStore, type Head, type OperableStatus, type Stall } from '@tidemark/eventstore'
import { selectBridgeProgress, type BridgeProgress, type LaneProgress } from '../sql/select-bridge-progress.js'
import type { BridgeDefinition } from './define-bridge.js'
import { laneOfCheckpoint } from './lane-names.js'

/** How one lane of a bridge is getting on. */
export interface LaneStatus {
  /** From 0. */
  readonly lane: number
  readonly checkpoint: string
  readonly state: OperableStatus['state']
  readonly position: bigint
  readonly lag: bigint
  /** The process that has its lease. */
  readonly owner: string | undefined
  readonly error: string | undefined
}

/** How a bridge is getting on: position, lag and what holds it are those of its slowest lane. */
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
  /** Its lanes as the database knows them: one, unless it was split; none where it was never started. `owner` is that of all, or undefined. */
  readonly lanes: readonly LaneStatus[]
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
  const progress = await selectBridgeProgress(
    store.database,
    bridges.map(({ name }) => name),
  )
  const head = await store.head()
  const slowest = [...progress.values()].map(slowestOf).filter((position) => position < head.lastPosition)
  const ages = await selectWaitingAges(store.database, slowest)
  return bridges.map(({ name }) => {
    const known = progress.get(name)
    if (!known) throw new Error(`bridge "${name}" was not looked at`)
    return statusOf(name, known, { head, lagMs: ages.get(slowestOf(known)) ?? 0 })
  })
}

function slowestOf({ lanes }: BridgeProgress): bigint {
  const [first = 0n, ...others] = lanes.map(({ position }) => position)
  return others.reduce((least, position) => (position < least ? position : least), first)
}

function statusOf(
  name: string,
  known: BridgeProgress,
  now: { readonly head: Head; readonly lagMs: number },
): BridgeStatus {
  const { parkedKeys, parkedEvents, oldestParkedMs = 0 } = known
  const { head, lagMs } = now
  const position = slowestOf(known)
  const lanes = known.lanes
    .map((lane) => laneStatusOf(lane, head.position))
    .toSorted((one, other) => one.lane - other.lane)
  const owners = new Set(lanes.map(({ owner }) => owner))
  return {
    ...{ kind: 'bridge', name, state: worstState(lanes.map(({ state }) => state)), position, head: head.position },
    ...{ lag: behind(head.position, position), lagMs, owner: owners.size === 1 ? lanes[0]?.owner : undefined },
    ...{ failures: Math.max(0, ...known.lanes.map(({ failures }) => failures)), lanes },
    ...{ parkedKeys, parkedEvents, oldestUnsentMs: Math.max(lagMs, oldestParkedMs) },
    error: lanes.find(({ error }) => error !== undefined)?.error,
    stall: worstStall(known.lanes, now),
    ...{ eventsPerSecond: undefined, etaMs: undefined, published: undefined, acknowledgedInMs: undefined },
  }
}

function laneStatusOf(lane: LaneProgress, head: bigint): LaneStatus {
  const { checkpoint, position, owner, error, paused } = lane
  return {
    ...{ lane: laneOfCheckpoint(checkpoint).index, checkpoint, state: stateOf(lane), position, owner },
    ...{ lag: behind(head, position), error: paused === undefined ? error : `paused: ${paused}` },
  }
}

function behind(head: bigint, position: bigint): bigint {
  return head > position ? head - position : 0n
}

function stateOf({ paused, error, owner }: LaneProgress): BridgeStatus['state'] {
  if (paused !== undefined) return 'paused'
  if (owner === undefined) return error === undefined ? 'stopped' : 'failed'
  return error === undefined ? 'running' : 'retrying'
}

const worstFirst = ['failed', 'retrying', 'paused', 'stopped', 'waiting-for-lease', 'running'] as const

/** How all of it is, by how its parts are; stopped where there are none. */
export function worstState(states: readonly BridgeStatus['state'][]): BridgeStatus['state'] {
  return worstFirst.find((state) => states.includes(state)) ?? 'stopped'
}

/** Why a bridge does not get on, what holds it most of all first. */
function worstStall(lanes: readonly LaneProgress[], now: { head: Head; lagMs: number }): Stall | undefined {
  if (lanes.length === 0) return { reason: 'lease', owner: undefined }
  const stalls = lanes.flatMap((lane) => stallOf(lane, now) ?? [])
  return stallsFirst.map((reason) => stalls.find((stall) => stall.reason === reason)).find(Boolean)
}

const stallsFirst = ['paused', 'poison', 'lease', 'head-held-back'] as const

function stallOf(lane: LaneProgress, { head, lagMs }: { head: Head; lagMs: number }): Stall | undefined {
  const { paused, error, failures, retryInMs, owner, position, unmovedMs } = lane
  if (paused !== undefined) return { reason: 'paused', why: paused }
  if (error !== undefined)
    return { reason: 'poison', error, failures, retryInMs: owner === undefined ? undefined : (retryInMs ?? 0) }
  if (owner === undefined) return { reason: 'lease', owner: undefined }
  if (position < head.position) return Math.min(unmovedMs, lagMs) > stillMs ? { reason: 'lease', owner } : undefined
  return head.lastPosition > head.position ? { reason: 'head-held-back', pid: head.heldBackByPid } : undefined
}

/** One that does not move never comes. */
export function etaOf(lag: bigint, perSecond: number): number | undefined {
  if (lag === 0n) return 0
  return perSecond <= 0 ? undefined : Math.round((Number(lag) / perSecond) * 1000)
}
