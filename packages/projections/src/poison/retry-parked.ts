import type { AnyProjection } from '../any-projection.js'
import { selectParked } from '../sql/select-parked.js'
import type { ParkedSelection } from './parked-event.js'
import { redrive } from './redrive.js'
import type { Redriven, RowChange } from './redriven.js'
import type { ProjectionStore } from '../projection-store.js'

/** Which failed events are meant: those at some positions, those that failed alike, or all. */
export type FailedSelection = Pick<ParkedSelection, 'positions' | 'fingerprint'>

/**
 * Handles parked events again with the code of today, and the ones that wait for them, in order.
 *
 * Each stream has a transaction of its own, in which the projector waits: its rows are as if the events had never failed, or nothing is changed. A
 * stream ends at the next event that fails.
 *
 * @throws {HistoryTruncatedError} rows of several streams cannot be folded again since events were deleted.
 *
 * @example
 * const redriven = await retryParked(store, orderSummary, { fingerprint: '5f0c2a9e77d1' })
 * console.log(redriven.filter(({ failure }) => failure).length, 'streams failed again')
 */
export function retryParked(
  store: ProjectionStore,
  projection: AnyProjection,
  selection: FailedSelection = {},
): Promise<Redriven[]> {
  return redrive(store, projection, selection, { kind: 'retry' })
}

/**
 * Leaves failed events out for good, and handles the ones that wait for them; what was skipped stays on record with the reason.
 *
 * @example
 * await skipParked(store, orderSummary, { positions: [4711n] }, 'a test order')
 */
export function skipParked(
  store: ProjectionStore,
  projection: AnyProjection,
  selection: FailedSelection,
  reason: string,
): Promise<Redriven[]> {
  return redrive(store, projection, selection, { kind: 'skip', reason })
}

/** What would become of a parked event. */
export interface Trial {
  readonly passes: boolean
  /** What it meets, when it does not pass. */
  readonly error: Error | undefined
  /** The rows that would change, its later events included. */
  readonly rows: readonly RowChange[]
  /** Events that failed alike, itself included, and how many of them would pass; of 100 at most. */
  readonly alike: { readonly tried: number; readonly passing: number }
}

const alikeAtMost = 100

/**
 * Runs a parked event through the code of today in a transaction that is rolled back, and those that failed alike.
 *
 * A handler is told that its effects do not last.
 *
 * @returns undefined when no event is parked at the position.
 */
export async function tryParked(
  store: ProjectionStore,
  projection: AnyProjection,
  position: bigint,
): Promise<Trial | undefined> {
  const [parked] = await failedAt(store, projection, { positions: [position] })
  const [outcome] = await redrive(store, projection, { positions: [position] }, { kind: 'try' })
  if (!parked?.error || !outcome) return undefined
  const alike = await failedAt(store, projection, { fingerprint: parked.error.fingerprint })
  const positions = [...new Set(alike.map((event) => event.position))].slice(0, alikeAtMost)
  const outcomes = await redrive(store, projection, { positions }, { kind: 'try' })
  const handled = new Set(outcomes.flatMap((each) => each.handled))
  const passes = outcome.handled.includes(position)
  return {
    passes,
    error: passes ? undefined : outcome.failure?.error,
    rows: outcome.rows,
    alike: { tried: positions.length, passing: positions.filter((each) => handled.has(each)).length },
  }
}

function failedAt(store: ProjectionStore, { name }: AnyProjection, selection: FailedSelection) {
  return selectParked(store.database, { ...selection, projection: name, status: 'failed' }, { limit: 10_000 })
}
