import type { AnyProjection } from '../any-projection.js'
import type { ProjectionHandler } from '../define-handler.js'
import type { Projection } from '../define-projection.js'
import { ProjectionDefinitionError } from '../errors.js'
import { replayHandler } from './replay-handler.js'
import type { HandlerReplayResult, ReplayOptions, ReplayResult } from './replay-options.js'
import { replayReadModel } from './replay-read-model.js'
import type { ProjectionStore } from '../projection-store.js'

/**
 * Feeds a part of the log again to a projection. No checkpoint is moved, whoever runs the projection meanwhile.
 *
 * A read model is folded in memory and nothing is written: it shows whether the handlers can take the events, and how much they touch. Rows begin
 * empty, so a range that begins in the middle shows its events alone; the rows touched are kept in memory. A raw handler gets the events in
 * transactions that are rolled back, so that a batch does not see what the ones before it did; with `sideEffects` they are committed, and a replay
 * that fails or is ended keeps the batches before. The handler is told by its third argument.
 *
 * All conditions must be met, and both ends of a range are inclusive. A range of times makes Postgres pass through the whole log once.
 *
 * @throws {ProjectionDefinitionError} there is no such type of event, or `sideEffects` of a read model are asked for.
 * @throws {InvalidRowError} @throws {HandlerFailedError} what a rebuild would stop at. @throws {ReplayFailedError} the handler failed.
 *
 * @example
 * const { events, rowsTouched } = await replay(store, orderSummary, { from: 1n, to: 500n })
 */
export function replay(store: ProjectionStore, projection: Projection, options?: ReplayOptions): Promise<ReplayResult>
export function replay(
  store: ProjectionStore,
  handler: ProjectionHandler,
  options?: ReplayOptions,
): Promise<HandlerReplayResult>
export function replay(
  store: ProjectionStore,
  projection: AnyProjection,
  options?: ReplayOptions,
): Promise<ReplayResult | HandlerReplayResult>
export async function replay(
  store: ProjectionStore,
  projection: AnyProjection,
  options: ReplayOptions = {},
): Promise<ReplayResult | HandlerReplayResult> {
  const { types } = options
  if (projection.kind === 'handler') {
    const chosen = types ? chosenOf(projection, projection.types, types) : projection.types
    return replayHandler(store, { ...projection, types: chosen }, options)
  }
  const chosen = types && new Set(chosenOf(projection, [...projection.handlers.keys()], types))
  const handlers = [...projection.handlers].filter(([type]) => chosen?.has(type) ?? true)
  return replayReadModel(store, { ...projection, handlers: new Map(handlers) }, options)
}

function chosenOf({ name }: AnyProjection, known: readonly string[], types: readonly string[]): readonly string[] {
  const unknown = types.find((type) => !known.includes(type))
  if (unknown === undefined) return types
  throw new ProjectionDefinitionError(name, `it handles no event ${unknown} to replay: there is ${known.join(', ')}`)
}
