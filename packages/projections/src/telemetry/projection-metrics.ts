import { meterOf, workDurations } from '@tidemark/eventstore'
import type { ProjectionStatus } from '../projection-status.js'

/** What a projector counts and measures, under the prefix `tidemark.projection.`. */
export interface ProjectionMetrics {
  /** A batch was committed, so many milliseconds after it was handed over. */
  batchEnded(projection: string, durationMs: number): void
  /** A batch was rolled back. */
  batchFailed(projection: string): void
  /** Rows of a live table were folded again, and so many of them had drifted. */
  audited(projection: string, rows: number, drifted: number): void
  /** Shows how far the projections are behind whenever somebody collects, until `close`. */
  open(): void
  close(): void
}

/** Makes a projector's instruments; undefined while no meter provider is registered, which must be done before the projector is made. */
export function createProjectionMetrics(
  schema: string,
  look: () => Promise<readonly ProjectionStatus[]>,
): ProjectionMetrics | undefined {
  const meter = meterOf('@tidemark/projections')
  if (!meter) return undefined
  const of = (projection: string) => ({ 'tidemark.schema': schema, 'tidemark.projection': projection })
  const duration = meter.createHistogram('tidemark.projection.batch.duration', {
    unit: 's',
    description: 'how long a batch with events took, from its first event to its commit',
    advice: workDurations,
  })
  const failures = meter.createCounter('tidemark.projection.batch.failures', {
    unit: '{batch}',
    description: 'batches with events that were rolled back, each try counted',
  })
  const auditedRows = meter.createCounter('tidemark.projection.audit.rows', {
    unit: '{row}',
    description: 'rows of live tables that were folded again from the log by the audit',
  })
  const driftedRows = meter.createCounter('tidemark.projection.audit.drifted', {
    unit: '{row}',
    description: 'rows that the audit found not to be what the log says; a row may be found again',
  })
  const lag = meter.createObservableGauge('tidemark.projection.lag', {
    unit: '{position}',
    description: 'how far a projection is behind the head, whichever process runs it',
  })
  const lagTime = meter.createObservableGauge('tidemark.projection.lag_time', {
    unit: 's',
    description: 'how long the oldest event that a projection has not handled has been in the log',
  })
  const observe: Parameters<typeof meter.addBatchObservableCallback>[0] = async (result) => {
    for (const status of await look()) {
      result.observe(lag, Number(status.lag), of(status.name))
      result.observe(lagTime, status.lagMs / 1000, of(status.name))
    }
  }
  return {
    batchEnded: (projection, durationMs) => duration.record(durationMs / 1000, of(projection)),
    batchFailed: (projection) => failures.add(1, of(projection)),
    audited(projection, rows, drifted) {
      auditedRows.add(rows, of(projection))
      driftedRows.add(drifted, of(projection))
    },
    open: () => meter.addBatchObservableCallback(observe, [lag, lagTime]),
    close: () => meter.removeBatchObservableCallback(observe, [lag, lagTime]),
  }
}
