import {
  fold,
  partsOf,
  redactEvent,
  selectVersionAt,
  UnknownEventError,
  type AnyAggregate,
  type RecordedEvent,
  type StreamStore,
} from '@tidemark/eventstore'
import { ProblemError } from '../errors.js'
import { toJson } from '../http/json-context.js'
import { adviseName, quoted } from '../http/nearest-name.js'
import { isStorable } from './parse-request.js'

/** A stream's state at a version. */
export interface StateAt {
  /** 0 for what it was before its first event. */
  readonly version: bigint
  /** The event that led to it; undefined at version 0. */
  readonly event: RecordedEvent | undefined
  /** As JSON, personal data replaced. */
  readonly state: unknown
}

/** How many events a state is folded from at most here. */
export const maxFolded = 20_000n

/**
 * Folds a stream up to some versions, as it would read if all whom it is about were forgotten: so no personal data can be in a state.
 *
 * Snapshots are not used, for they hold personal data.
 *
 * @param moments versions, or times of the database's clock; the newest version where one is undefined.
 * @throws {ProblemError} `unknown-aggregate`, `unknown-stream`, `version-not-found`, `state-not-known`
 */
export async function statesOf(
  streams: StreamStore,
  aggregates: readonly AnyAggregate[],
  streamId: string,
  moments: readonly (bigint | Date | undefined)[],
): Promise<StateAt[]> {
  const { category } = partsOf(streamId)
  const aggregate = aggregates.find(({ name }) => name === category)
  if (!aggregate) {
    const advice = adviseName(
      category,
      aggregates.map(({ name }) => name),
    )
    throw new ProblemError('unknown-aggregate', `there is no aggregate ${quoted(category)}: ${advice}`)
  }
  const newest = await newestVersion(streams, streamId)
  const wanted: bigint[] = []
  for (const moment of moments)
    wanted.push(moment instanceof Date ? await selectVersionAt(streams.database, streamId, moment) : (moment ?? newest))
  for (const version of wanted) {
    if (version <= newest) continue
    throw new ProblemError(
      'version-not-found',
      `stream ${quoted(streamId)} has versions up to ${newest}, not ${version}`,
    )
  }
  const last = wanted.reduce((one, other) => (one > other ? one : other))
  if (last > maxFolded)
    throw new ProblemError(
      'state-not-known',
      `states are folded from ${maxFolded} events at most here: load the aggregate`,
    )
  const states = new Map<bigint, StateAt>()
  let state: unknown = aggregate.initialState()
  states.set(0n, { version: 0n, event: undefined, state: plain(state) })
  let expected = 1n
  for await (const event of last > 0n ? streams.walkStream(streamId, { toVersion: last }) : []) {
    if (event.version !== expected)
      throw new ProblemError(
        'state-not-known',
        `the first events of ${quoted(streamId)} were truncated: load the aggregate`,
      )
    state = foldRedacted(aggregate, state, event)
    if (wanted.includes(event.version))
      states.set(event.version, { version: event.version, event, state: plain(state) })
    expected += 1n
  }
  return wanted.flatMap((version) => states.get(version) ?? [])
}

function plain(state: unknown): unknown {
  return state === undefined ? undefined : JSON.parse(toJson(state))
}

/** Replaces what is encrypted before an upcaster sees it, and what an older schema had in clear elsewhere after it. */
function foldRedacted(aggregate: AnyAggregate, state: unknown, event: RecordedEvent): unknown {
  try {
    const present = redactEvent(aggregate, event)
    return present ? fold(aggregate, state, [present]) : state
  } catch (error) {
    if (!(error instanceof UnknownEventError)) throw error
    throw new ProblemError('state-not-known', error.message, { cause: error })
  }
}

/** @throws {ProblemError} `unknown-stream` */
export async function newestVersion(streams: StreamStore, streamId: string): Promise<bigint> {
  const possible = streamId !== '' && streamId.length <= 620 && isStorable(streamId)
  const [last] = possible ? await streams.readStream(streamId, { direction: 'backwards', limit: 1 }) : []
  if (!last) throw unknownStream(streamId)
  return last.version
}

export function unknownStream(streamId: string): ProblemError {
  return new ProblemError('unknown-stream', `there is no stream ${quoted(streamId)}`)
}
