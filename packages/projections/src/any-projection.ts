import { storedTypesOf } from '@tidemark/eventstore'
import type { ProjectionHandler } from './define-handler.js'
import type { Projection } from './define-projection.js'

/** Whatever a projector runs: a read model, or a raw handler. */
export type AnyProjection = Projection | ProjectionHandler

/** The types of events that it wants, as they are stored: former names included. */
export function typesOf(projection: AnyProjection): readonly string[] {
  const types = projection.kind === 'read-model' ? [...projection.handlers.keys()] : projection.types
  return storedTypesOf(projection.aggregates, types)
}
