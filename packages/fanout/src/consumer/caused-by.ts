import type { EventMetadata } from '@tidemark/eventstore'
import type { ConsumedEvent } from './decode-record.js'

/**
 * The metadata of an event that is appended because of a consumed one: the same conversation, and what led to it.
 *
 * @example
 * const metadata = causedBy(event)
 * await store.append(Shipment, event.aggregateId, [{ type: 'ShipmentPlanned', data: {}, metadata }], {
 *   expectedVersion: 'no-stream',
 *   transaction,
 * })
 */
export function causedBy({ id, metadata }: Pick<ConsumedEvent, 'id' | 'metadata'>): EventMetadata {
  return { correlationId: metadata.correlationId ?? id, causationId: id }
}
