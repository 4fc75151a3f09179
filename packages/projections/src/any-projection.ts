import type { ProjectionHandler } from './define-handler.js'
import type { Projection } from './define-projection.js'

/** Whatever a projector runs: a read model, or a raw handler. */
export type AnyProjection = Projection | ProjectionHandler

/** The types of events that it wants. */
export function typesOf(projection: AnyProjection): readonly string[] {
  return projection.kind === 'read-model' ? [...projection.handlers.keys()] : projection.types
}
