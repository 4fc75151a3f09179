import { inTransaction, on, type EventStore, type Logger } from '@tidemark/eventstore'
import { BridgeConfigurationError, LaneCountDiffersError } from '../errors.js'
import {
  deleteLaneCheckpoints,
  insertLaneCheckpoints,
  lockLanes,
  selectLaneCheckpoints,
  type LaneCheckpoint,
} from '../sql/lane-statements.js'
import { laneCheckpointOf, laneOfCheckpoint, lanesOf } from './lane-names.js'
import type { BridgeDefinition } from './define-bridge.js'

/**
 * Makes sure that a bridge has the checkpoints of as many lanes as its definition says.
 *
 * Where it had another number, keys change their lanes: all new lanes begin where the slowest old one was, so that none is passed over. What the others had
 * published is published again. Afterwards the old checkpoints are not there any more, so whoever had one cannot move it.
 *
 * @throws {LaneCountDiffersError} a process that counts otherwise has one of the old checkpoints, or waits for one.
 * @throws {BridgeConfigurationError} it publishes in transactions, and had another number.
 */
export async function arrangeLanes(store: EventStore, definition: BridgeDefinition, logger: Logger): Promise<void> {
  const { name, lanes } = definition
  const wanted = lanesOf(lanes).map((lane) => laneCheckpointOf(name, lane))
  if (areThere(wanted, await selectLaneCheckpoints(store.database, name))) return
  const moved = await inTransaction(store.pool, async (client) => {
    const database = on(store.database, client)
    await lockLanes(database, name)
    const found = await selectLaneCheckpoints(database, name)
    if (areThere(wanted, found)) return undefined
    if (definition.progressTopic !== undefined && found.length > 0) throw countIsFixed(definition, found.length)
    const slowest = found.toSorted((a, b) => (a.position < b.position ? -1 : 1))[0]
    const from = slowest ?? { position: 0n, eventId: undefined, epoch: undefined }
    await giveUp(database, definition, found)
    await insertLaneCheckpoints(database, wanted, {
      ...from,
      paused: found.find(({ paused }) => paused !== undefined)?.paused,
    })
    return slowest && { lanes, before: laneOfCheckpoint(slowest.name).count, position: slowest.position }
  })
  if (moved) logger.info({ bridge: name, ...moved }, 'the bridge has another number of lanes from here on')
}

/** What the faster lanes had published would be committed twice. */
function countIsFixed({ name, lanes }: BridgeDefinition, before: number): BridgeConfigurationError {
  return new BridgeConfigurationError(
    `bridge "${name}" publishes in transactions, so it keeps its number of lanes: it has ${before}, and ${lanes} here. Set lanes to ${before}, or give it another name`,
  )
}

function areThere(wanted: readonly string[], found: readonly LaneCheckpoint[]): boolean {
  const names = new Set(found.map(({ name }) => name))
  return names.size === wanted.length && wanted.every((name) => names.has(name))
}

async function giveUp(
  database: EventStore['database'],
  { name, lanes: here }: BridgeDefinition,
  found: readonly LaneCheckpoint[],
): Promise<void> {
  const deleted = await deleteLaneCheckpoints(
    database,
    found.filter(({ owner }) => owner === undefined).map((checkpoint) => checkpoint.name),
  )
  const held = found.find((checkpoint) => !deleted.includes(checkpoint.name))
  if (held)
    throw new LaneCountDiffersError(
      name,
      { here, running: laneOfCheckpoint(held.name).count },
      held.owner ?? 'a process',
    )
}
