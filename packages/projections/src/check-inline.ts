import type { Projection } from './define-projection.js'
import { ProjectionDefinitionError } from './errors.js'
import type { ProjectionStore } from './projection-store.js'

/**
 * Two appends can meet in a row only where they met in its stream before, whose next version one of them did not get.
 *
 * @throws {ProjectionDefinitionError} appends cannot keep it.
 */
export function checkInline({ name, kind, keyedByStream, poison }: Projection, store?: ProjectionStore): void {
  if (store?.logDatabase)
    throw new ProjectionDefinitionError(
      name,
      'inline, its rows share the transactions of appends, and this database is not the one of the log: run it in a projector, or give the store itself',
    )
  // A program without types may pass a handler.
  if ((kind as string) !== 'read-model')
    throw new ProjectionDefinitionError(name, 'a handler follows the log, it cannot be inline')
  if (!keyedByStream)
    throw new ProjectionDefinitionError(
      name,
      'inline, each row belongs to one stream, since appends to several streams are not ordered: leave keyOf out and name one aggregate, or run it in a projector',
    )
  if (poison.policy !== 'stop')
    throw new ProjectionDefinitionError(
      name,
      `its poison policy is "${poison.policy}", and inline an event that it fails on is refused: leave the policy out`,
    )
}
