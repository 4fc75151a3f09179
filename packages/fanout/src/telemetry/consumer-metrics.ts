import { meterOf } from '@tidemark/eventstore'
import type { ConsumerLag } from '../consumer/consumer-lag.js'
import type { ConsumerStatus } from '../consumer/consumer.js'

/** What a consumer shows under the prefix `tidemark.consumer.` whenever somebody collects, until `close`. */
export interface ConsumerMetrics {
  close(): void
}

/**
 * Shows a consumer's figures; undefined while no meter provider is registered, which must be done before the consumer is started.
 *
 * @param lag how far its group is, which all its members say alike; undefined where Kafka cannot be asked. What fails is left out.
 */
export function showConsumerMetrics(
  consumer: string,
  status: () => ConsumerStatus,
  lag: (() => Promise<ConsumerLag>) | undefined,
): ConsumerMetrics | undefined {
  const meter = meterOf('@tidemark/fanout')
  if (!meter) return undefined
  const of = { 'tidemark.consumer': consumer }
  const counted = meter.createObservableCounter('tidemark.consumer.records', {
    unit: '{record}',
    description: 'records that this process read, by what became of them',
  })
  const failures = meter.createObservableCounter('tidemark.consumer.failures', {
    unit: '{try}',
    description: 'tries of a record that failed in this process',
  })
  const halted = meter.createObservableGauge('tidemark.consumer.halted_partitions', {
    unit: '{partition}',
    description: 'partitions of this process that stand still before a record that cannot be handled',
  })
  const behind = meter.createObservableGauge('tidemark.consumer.lag', {
    unit: '{record}',
    description: 'records of a partition that the group has yet to handle',
  })
  const age = meter.createObservableGauge('tidemark.consumer.lag_time', {
    unit: 's',
    description: 'how long ago the next record was written that the group has yet to handle',
  })
  const observed = [counted, failures, halted, behind, age]
  const observe: Parameters<typeof meter.addBatchObservableCallback>[0] = async (result) => {
    const now = status()
    for (const outcome of ['handled', 'duplicates', 'passed', 'deadLettered'] as const)
      result.observe(counted, now[outcome], { ...of, 'tidemark.outcome': outcomeNames[outcome] })
    result.observe(failures, now.failures, of)
    result.observe(halted, now.halted.length, of)
    for (const { topic, partition, lag: count, lagMs } of (await lag?.().catch(() => undefined))?.partitions ?? []) {
      const where = { ...of, 'messaging.destination.name': topic, 'messaging.destination.partition.id': `${partition}` }
      result.observe(behind, Number(count), where)
      result.observe(age, lagMs / 1000, where)
    }
  }
  meter.addBatchObservableCallback(observe, observed)
  return { close: () => meter.removeBatchObservableCallback(observe, observed) }
}

const outcomeNames = {
  handled: 'handled',
  duplicates: 'duplicate',
  passed: 'passed',
  deadLettered: 'dead_lettered',
} as const
