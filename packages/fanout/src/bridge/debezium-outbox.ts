import { recordKeyOf } from '../record-key.js'
import type { BridgeOptions } from './define-bridge.js'

/**
 * What a bridge has in common with the outbox router of Debezium, for consumers that were made for that one.
 *
 * Topic `outbox.event.<aggregate>`, key = the aggregate's id (after the tenant, where there are any), value = the event's data, headers `id` and
 * `aggregateType`; those of CloudEvents are beside them.
 *
 * @example
 * const orders = defineBridge({ name: 'orders', from: [Order], ...debeziumOutbox() })
 */
export function debeziumOutbox(): Required<Pick<BridgeOptions, 'topic' | 'key' | 'headers'>> {
  return {
    topic: 'outbox.event.{aggregate}',
    key: ({ tenant, aggregateId }) => recordKeyOf({ ...(tenant !== undefined && { tenant }), streamId: aggregateId }),
    headers: ({ id, category }) => ({ id, aggregateType: category }),
  }
}
