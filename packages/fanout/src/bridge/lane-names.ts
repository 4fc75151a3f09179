import { partitionFor } from '../partition-for.js'

/** A part of a bridge's keys, with a checkpoint, a lease and a producer of its own. */
export interface Lane {
  /** From 0. */
  readonly index: number
  /** How many lanes the bridge has. */
  readonly count: number
}

/** The name of the checkpoint of a bridge that is not split into lanes. */
export function checkpointNameOf(bridge: string): string {
  return `bridge:${bridge}`
}

/**
 * The name of a lane's checkpoint.
 *
 * It tells the number of lanes, so that a process that counts otherwise finds no checkpoint to move.
 */
export function laneCheckpointOf(bridge: string, { index, count }: Lane): string {
  return count === 1 ? checkpointNameOf(bridge) : `${checkpointNameOf(bridge)}/${index}-of-${count}`
}

/** The lane that a checkpoint's name tells. */
export function laneOfCheckpoint(checkpoint: string): Lane {
  const [, index = '0', count = '1'] = /\/(\d+)-of-(\d+)$/.exec(checkpoint) ?? []
  return { index: Number(index), count: Number(count) }
}

/** All lanes of a bridge. */
export function lanesOf(count: number): Lane[] {
  return Array.from({ length: count }, (_, index) => ({ index, count }))
}

/**
 * The lane of a key, from 0.
 *
 * Where the lanes divide a topic's partitions, each partition is of one lane, for partitions are shared out among keys in the same way.
 * It depends on nothing else, so a key is in one lane whatever becomes of its topics.
 */
export function laneOfKey(key: string, lanes: number): number {
  return lanes === 1 ? 0 : partitionFor(key, lanes)
}

/** Whether a key is of a lane; also one that could not be made, which every lane has to know of. */
export function isOfLane(key: string | undefined, { index, count }: Lane): boolean {
  return key === undefined || laneOfKey(key, count) === index
}
