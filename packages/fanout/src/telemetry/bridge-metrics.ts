import { meterOf, workDurations } from '@tidemark/eventstore'
import type { BridgeStatus } from '../bridge/bridge-status.js'

/** What a bridge counts and measures, under the prefix `tidemark.bridge.`. */
export interface BridgeMetrics {
  /** So many records were acknowledged, so many milliseconds after they were handed to the client. */
  acknowledged(records: number, durationMs: number): void
  /** A request failed. */
  failed(): void
  /** Shows how far the bridge is behind whenever somebody collects, until `close`. */
  open(): void
  close(): void
}

/** Makes a bridge's instruments; undefined while no meter provider is registered, which must be done before the bridge is made. */
export function createBridgeMetrics(
  { schema, bridge }: { readonly schema: string; readonly bridge: string },
  look: () => Promise<BridgeStatus>,
): BridgeMetrics | undefined {
  const meter = meterOf('@tidemark/fanout')
  if (!meter) return undefined
  const of = { 'tidemark.schema': schema, 'tidemark.bridge': bridge }
  const duration = meter.createHistogram('tidemark.bridge.send.duration', {
    unit: 's',
    description: 'how long the brokers took to acknowledge a request',
    advice: workDurations,
  })
  const records = meter.createCounter('tidemark.bridge.records', {
    unit: '{record}',
    description: 'records that were acknowledged',
  })
  const failures = meter.createCounter('tidemark.bridge.send.failures', {
    unit: '{request}',
    description: 'requests that failed, each try counted',
  })
  const lag = meter.createObservableGauge('tidemark.bridge.lag', {
    unit: '{position}',
    description: 'how far a bridge is behind the head, whichever process runs it',
  })
  const lagTime = meter.createObservableGauge('tidemark.bridge.lag_time', {
    unit: 's',
    description: 'how long the oldest event that a bridge has not come to has been in the log',
  })
  const oldestUnsent = meter.createObservableGauge('tidemark.bridge.oldest_unsent', {
    unit: 's',
    description: 'how long the oldest event that is not published has been in the log, parked ones included',
  })
  const parkedKeys = meter.createObservableGauge('tidemark.bridge.parked_keys', {
    unit: '{key}',
    description: 'keys of which events are parked',
  })
  const parkedEvents = meter.createObservableGauge('tidemark.bridge.parked_events', {
    unit: '{event}',
    description: 'events that are parked',
  })
  const gauges = [lag, lagTime, oldestUnsent, parkedKeys, parkedEvents]
  const observe: Parameters<typeof meter.addBatchObservableCallback>[0] = async (result) => {
    const status = await look()
    result.observe(lag, Number(status.lag), of)
    result.observe(lagTime, status.lagMs / 1000, of)
    result.observe(oldestUnsent, status.oldestUnsentMs / 1000, of)
    result.observe(parkedKeys, status.parkedKeys, of)
    result.observe(parkedEvents, status.parkedEvents, of)
  }
  return {
    acknowledged(count, durationMs) {
      duration.record(durationMs / 1000, of)
      records.add(count, of)
    },
    failed: () => failures.add(1, of),
    open: () => meter.addBatchObservableCallback(observe, gauges),
    close: () => meter.removeBatchObservableCallback(observe, gauges),
  }
}
