import { presentTypesOf, storedTypesOf } from '@tidemark/eventstore'
import type { ProjectionHandler } from './define-handler.js'
import type { Projection } from './define-projection.js'

/** Whatever a projector runs: a read model, or a raw handler. */
export type AnyProjection = Projection | ProjectionHandler

/** The types of events that it wants, as they are stored: former names included. */
export function typesOf(projection: AnyProjection): readonly string[] {
  const types = projection.kind === 'read-model' ? [...projection.handlers.keys()] : projection.types
  return storedTypesOf(projection.aggregates, types)
}

/** The types of events that its aggregates know, as they are stored: an event of any other stops it, for newer code wrote it. */
export function knownTypesOf({ aggregates }: AnyProjection): readonly string[] {
  return [...new Set(aggregates.flatMap((aggregate) => [...presentTypesOf(aggregate).keys()]))]
}
