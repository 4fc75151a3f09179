import type { z } from 'zod'
import { ConfigurationError } from './errors.js'

/** When snapshots are taken: whichever of `every`, `everyBytes` and `everyMs` is met first; at least one is given. */
export interface SnapshotPolicy {
  /** A snapshot is written whenever the version passes a multiple of this. */
  readonly every?: number
  /** … whenever the data of the events since the last snapshot has at least this size, as JSON text. */
  readonly everyBytes?: number
  /** … at the first command that finds an event since the last snapshot that is older than this. */
  readonly everyMs?: number
  /** Raise it when the state's shape or `evolve` changes: older snapshots are then ignored. */
  readonly version: number
  /** What a state looks like; a snapshot that does not match is ignored. Without it only its kind is looked at: object, array, string … */
  readonly schema?: z.ZodType
}

/** @throws {ConfigurationError} the policy could never be met, or a number in it is none. */
export function checkSnapshotPolicy(aggregate: string, policy: SnapshotPolicy): void {
  const { every, everyBytes, everyMs, version } = policy
  const wrong = Object.entries({ every, everyBytes, everyMs, version }).find(
    ([, value]) => value !== undefined && !(Number.isInteger(value) && value > 0),
  )
  if (wrong) throw new ConfigurationError(`aggregate "${aggregate}": snapshot.${wrong[0]} is a whole number from 1`)
  if (every ?? everyBytes ?? everyMs) return
  throw new ConfigurationError(
    `aggregate "${aggregate}": snapshot needs "every", "everyBytes" or "everyMs", or none would ever be taken`,
  )
}

/** What has gathered since the snapshot that a state was built on. */
export interface SinceSnapshot {
  readonly version: bigint
  /** Events that were read after the snapshot. */
  readonly eventsRead: number
  /** The size of their data; counted only where the policy asks for it. */
  readonly bytesRead: number
  /** When the first of them was recorded. */
  readonly firstReadAt: Date | undefined
}

/** Whether a snapshot is due after a command that has just appended some events, which are among those that were read. */
export function isSnapshotDue(
  { every, everyBytes, everyMs }: SnapshotPolicy,
  { version, eventsRead, bytesRead, firstReadAt }: SinceSnapshot,
  appended: number,
  now: () => Date,
): boolean {
  if (every !== undefined) {
    const step = BigInt(every)
    if (version / step !== (version - BigInt(appended)) / step) return true
    // The one that was due may still be on its way, and is then not written again; when it never came, this one makes up for it.
    if (eventsRead >= 2 * every) return true
  }
  if (everyBytes !== undefined && bytesRead >= everyBytes) return true
  return everyMs !== undefined && firstReadAt !== undefined && now().getTime() - firstReadAt.getTime() >= everyMs
}

/** The state of a snapshot, or undefined where it is not one of the aggregate's. */
export function stateOfSnapshot(
  text: string,
  { schema }: SnapshotPolicy,
  initialState: unknown,
): { readonly state: unknown } | undefined {
  const state: unknown = JSON.parse(text)
  if (kindOf(state) !== kindOf(initialState)) return undefined
  return schema === undefined || schema.safeParse(state).success ? { state } : undefined
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  return Array.isArray(value) ? 'array' : typeof value
}
