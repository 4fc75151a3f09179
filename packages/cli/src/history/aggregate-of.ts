import { partsOf, type AnyAggregate } from '@tidemark/eventstore'
import type { TidemarkConfig } from '../define-config.js'
import { findNamed } from '../find-named.js'

/**
 * The aggregate that a stream belongs to, and its id there.
 *
 * @throws {UnknownNameError} the configuration has no such aggregate. @throws {ConfigurationError} it is not the id of a stream.
 */
export function aggregateOf(
  { aggregates }: TidemarkConfig,
  streamId: string,
): { readonly aggregate: AnyAggregate; readonly aggregateId: string } {
  const { category, aggregateId } = partsOf(streamId)
  return { aggregate: findNamed(aggregates, category, 'aggregate'), aggregateId }
}
