import type { Head } from '../sql/select-head.js'
import { meterOf, scope } from './open-telemetry.js'

/** What a store counts and measures, under the prefix `tidemark.`. */
export interface StoreMetrics {
  /** An append has ended: after how many ms, and how: `stored`, `duplicate`, or the code of its error. */
  appendEnded(durationMs: number, outcome: string): void
  /** A statement was sent with the events of so many appends. */
  groupSent(appends: number): void
  /** A load has met a snapshot that it could not use, and why. */
  snapshotIgnored(reason: string): void
  /** A subscription has got to a position. */
  subscriptionAt(name: string, position: bigint): void
  /** A subscription has ended: others may have it now. */
  subscriptionEnded(name: string): void
  /** Stops looking at the head. */
  close(): void
}

/** Makes a store's instruments; undefined while no meter provider is registered, which must be done before the store is made. */
export function createStoreMetrics(schema: string, readHead: () => Promise<Head>): StoreMetrics | undefined {
  const meter = meterOf(scope)
  if (!meter) return undefined
  const ofStore = { 'tidemark.schema': schema }
  const duration = meter.createHistogram('tidemark.append.duration', {
    unit: 's',
    description: 'how long an append took, from the call to its outcome',
    advice: {
      explicitBucketBoundaries: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5, 15],
    },
  })
  const groupSize = meter.createHistogram('tidemark.append.group_size', {
    unit: '{append}',
    description: 'how many appends one statement carried',
    advice: { explicitBucketBoundaries: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] },
  })
  const conflicts = meter.createCounter('tidemark.append.conflicts', {
    unit: '{append}',
    description: 'appends that found their stream at another version, those that a command retried included',
  })
  const snapshotsIgnored = meter.createCounter('tidemark.snapshot.ignored', {
    unit: '{snapshot}',
    description: 'snapshots that a load could not use, by the reason, so that the whole stream was folded',
  })
  const headLag = meter.createObservableGauge('tidemark.head.lag', {
    unit: '{position}',
    description: 'positions that were taken and are not safe to read yet, because an append before them is open',
  })
  const subscriptionLag = meter.createObservableGauge('tidemark.subscription.lag', {
    unit: '{position}',
    description: 'how far a subscription of this process is behind the head',
  })
  const places = new Map<string, bigint>()
  const look: Parameters<typeof meter.addBatchObservableCallback>[0] = async (result) => {
    const { position, lastPosition } = await readHead()
    result.observe(headLag, Number(lastPosition - position), ofStore)
    for (const [name, place] of places) {
      const lag = position > place ? position - place : 0n
      result.observe(subscriptionLag, Number(lag), { ...ofStore, 'tidemark.subscription': name })
    }
  }
  meter.addBatchObservableCallback(look, [headLag, subscriptionLag])
  return {
    appendEnded(durationMs, outcome) {
      duration.record(durationMs / 1000, { ...ofStore, 'tidemark.outcome': outcome })
      if (outcome === 'EVENTSTORE_VERSION_CONFLICT') conflicts.add(1, ofStore)
    },
    groupSent: (appends) => groupSize.record(appends, ofStore),
    snapshotIgnored: (reason) => snapshotsIgnored.add(1, { ...ofStore, 'tidemark.reason': reason }),
    subscriptionAt: (name, position) => void places.set(name, position),
    subscriptionEnded: (name) => void places.delete(name),
    close: () => meter.removeBatchObservableCallback(look, [headLag, subscriptionLag]),
  }
}
