import type { Head, Stall } from '@tidemark/eventstore'
import type { Progress } from './sql/select-progress.js'

/** For how long whoever has a projection may work on one batch before it is said that it does not move. */
const stillMs = 10_000

/** What is looked at to tell why a projection does not get on. */
export interface StallFacts {
  /** What the database knows; undefined where it was never started. */
  readonly progress: Progress | undefined
  /** The version in the code. */
  readonly version: number
  readonly head: Head
  /** How long the oldest event that it has not handled has been in the log. */
  readonly lagMs: number
}

/** Says why a projection does not get on, what holds it most of all first; undefined when it gets on. */
export function stallOf({ progress, version, head, lagMs }: StallFacts): Stall | undefined {
  if (!progress) return { reason: 'lease', owner: undefined }
  const { paused, version: liveVersion, error, failures, retryInMs, abandoned, leaseRuns, owner, position } = progress
  if (paused !== undefined) return { reason: 'paused', why: paused }
  if (liveVersion !== undefined && liveVersion !== version)
    return { reason: 'other-version-live', version: liveVersion }
  if (progress.inline || progress.fedBy !== undefined) return undefined
  if (error !== undefined)
    return { reason: 'poison', error, failures, retryInMs: abandoned ? undefined : (retryInMs ?? 0) }
  if (!leaseRuns) return { reason: 'lease', owner: undefined }
  if (position < head.position) {
    // A batch that came just now finds a checkpoint that had nothing to do for long.
    const isStill = Math.min(progress.unmovedMs, lagMs) > stillMs
    return isStill ? { reason: 'lease', owner } : undefined
  }
  return head.lastPosition > head.position ? { reason: 'head-held-back', pid: head.heldBackByPid } : undefined
}
