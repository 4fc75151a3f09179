import type { FedReadModel } from '@tidemark/eventstore'
import type { Projection } from './define-projection.js'
import { ProjectionDefinitionError } from './errors.js'
import { attachFeeder } from './fed/attach-feeder.js'
import type { ProjectionStore } from './projection-store.js'

/**
 * Lets a consumer group of Kafka feed a read model, in place of a projector: give it to `createProjectionConsumer` of `@tidemark/fanout`.
 *
 * It takes read models whose rows are keyed by the stream, of one aggregate each: a stream is in one partition, so a row has one writer. Those that
 * `keyOf` or several aggregates make are refused, as they have the events of several partitions, in no order. Its poison policy is `stop`.
 *
 * Nothing is read or written yet.
 *
 * @throws {ProjectionDefinitionError} a consumer group cannot feed it.
 *
 * @example
 * const consumer = createProjectionConsumer(consumerFed(store, orderSummary), {
 *   kafka: { brokers: ['127.0.0.1:9092'] },
 *   group: 'order-summary',
 *   topics: ['shop.orders'],
 * })
 */
export function consumerFed(store: ProjectionStore, projection: Projection): FedReadModel {
  const { name, aggregates } = projection
  checkFed(projection)
  return {
    ...{ name, aggregates, pool: store.pool, database: store.database },
    attach: (options) => attachFeeder(store, projection, options),
  }
}

function checkFed({ name, kind, keyedByStream, poison }: Projection): void {
  const refuse = (reason: string) => new ProjectionDefinitionError(name, reason)
  // A program without types may pass a handler.
  if ((kind as string) !== 'read-model') throw refuse('a handler follows the log, no consumer group can feed it')
  if (!keyedByStream)
    throw refuse(
      'fed by a consumer group, each row belongs to one stream, since the partitions of a topic are not ordered among each other: leave keyOf out and name one aggregate, or run it in a projector',
    )
  if (poison.policy !== 'stop')
    throw refuse(
      `its poison policy is "${poison.policy}", and a consumer halts the partition of an event that it fails on: leave the policy out`,
    )
}
