import type { EventStore } from '@tidemark/eventstore'
import { setTimeout as sleep } from 'node:timers/promises'
import { BridgeConfigurationError, DrainIncompleteError, FanoutError } from '../errors.js'
import type { KafkaAdminPort, PartitionOffset } from '../kafka-admin-port.js'
import { createBridge, type RunBridgeOptions } from './bridge.js'
import { listBridges } from './bridge-status.js'
import type { BridgeDefinition } from './define-bridge.js'

export interface DrainBridgeOptions extends RunBridgeOptions {
  readonly admin: KafkaAdminPort
  /** The consumer groups that are waited for. */
  readonly groups: readonly string[]
  /** The topics that they read; those that the definition names unless said. */
  readonly topics?: readonly string[]
  /** How long all of it may take; 60,000 ms unless said. */
  readonly timeoutMs?: number
  /** Called with the position up to which everything is published, of that up to which it will be; groups are waited for after that. */
  readonly onProgress?: (progress: { readonly done: bigint; readonly total: bigint }) => void
  readonly signal?: AbortSignal
}

/** What was drained. */
export interface Drained {
  /** Everything up to here is published, but for what is parked. */
  readonly position: bigint
  /** How many events are parked, and so are not published. */
  readonly parkedEvents: number
  readonly topics: readonly string[]
}

const lookIntervalMs = 200

/**
 * Publishes everything that is in the log now, and waits until consumer groups have read it: before topics get more partitions, or are moved.
 *
 * Where no process runs the bridge, this one does meanwhile. What is appended after the call is published too, and not waited for.
 *
 * @throws {DrainIncompleteError} the bridge is paused or has failed, or the time was over; the message says who is behind.
 * @throws {BridgeConfigurationError} neither the definition nor the call names the topics.
 *
 * @example
 * await drainBridge(store, orders, { producer, admin: createKafkaAdmin({ brokers }), groups: ['shipping'] })
 */
export async function drainBridge(
  store: EventStore,
  definition: BridgeDefinition,
  options: DrainBridgeOptions,
): Promise<Drained> {
  const { groups, topics = definition.topics, timeoutMs = 60_000, admin, signal } = options
  if (topics.length === 0)
    throw new BridgeConfigurationError(
      `bridge "${definition.name}" finds its topics event by event: name the topics that are to be drained`,
    )
  const deadline = performance.now() + timeoutMs
  const until = async (why: () => Promise<string | undefined>) => {
    for (;;) {
      const reason = await why()
      if (reason === undefined) return
      if (performance.now() > deadline)
        throw new DrainIncompleteError(definition.name, `${reason}, after ${timeoutMs} ms`)
      await sleep(lookIntervalMs, undefined, { signal })
    }
  }
  const { position } = await store.head()
  const parkedEvents = await publishUpTo(store, definition, { ...options, position, until })
  const ends = new Map<string, readonly PartitionOffset[]>()
  for (const topic of topics) ends.set(topic, (await admin.endOffsets(topic)) ?? [])
  for (const group of groups) {
    for (const [topic, offsets] of ends) {
      await until(() => behind(admin, { group, topic, ends: offsets }).catch(reasonToWait))
    }
  }
  return { position, parkedEvents, topics }
}

type Until = (why: () => Promise<string | undefined>) => Promise<void>

async function publishUpTo(
  store: EventStore,
  definition: BridgeDefinition,
  {
    position,
    until,
    onProgress,
    ...options
  }: RunBridgeOptions & Pick<DrainBridgeOptions, 'onProgress'> & { readonly position: bigint; readonly until: Until },
): Promise<number> {
  const bridge = createBridge(store, definition, options)
  let parkedEvents = 0
  try {
    await bridge.start()
    await until(async () => {
      const [status] = await listBridges(store, [definition])
      if (!status) return 'it has no status'
      parkedEvents = status.parkedEvents
      onProgress?.({ done: status.position < position ? status.position : position, total: position })
      if (status.position >= position) return undefined
      if (status.state === 'paused' || status.state === 'failed')
        throw new DrainIncompleteError(definition.name, `${status.error ?? status.state}, resume it first`)
      return `it is at position ${status.position} of ${position}${status.error === undefined ? '' : `: ${status.error}`}`
    })
    return parkedEvents
  } finally {
    await bridge.stop()
  }
}

/** A coordinator that has just started, or moves, tells nothing for a while. */
function reasonToWait(error: unknown): string {
  if (error instanceof FanoutError && error.retryable) return error.message
  throw error
}

async function behind(
  admin: KafkaAdminPort,
  { group, topic, ends }: { readonly group: string; readonly topic: string; readonly ends: readonly PartitionOffset[] },
): Promise<string | undefined> {
  if (ends.length === 0) return undefined
  const committed = new Map(
    (await admin.committedOffsets(group, topic)).map(({ partition, offset }) => [partition, offset]),
  )
  const open = ends.filter(({ partition, offset }) => (committed.get(partition) ?? 0n) < offset)
  if (open.length === 0) return undefined
  const left = open.reduce((sum, { partition, offset }) => sum + offset - (committed.get(partition) ?? 0n), 0n)
  return `group "${group}" has ${left} records of topic "${topic}" before it, in ${open.length} of its partitions`
}
