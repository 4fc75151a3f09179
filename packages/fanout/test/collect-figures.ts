import { createRequire } from 'node:module'
import type * as Api from '@opentelemetry/api'
import type * as Metrics from '@opentelemetry/sdk-metrics'
import { afterAll, beforeAll } from 'vitest'

// Required, as the package itself does it: the entries for bundlers, which the test runner prefers, leave the endings off their imports.
const require = createRequire(import.meta.url)
const { metrics } = require('@opentelemetry/api') as typeof Api
const { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } =
  require('@opentelemetry/sdk-metrics') as typeof Metrics

/** A value of a figure of this package. */
export interface CollectedFigure {
  readonly name: string
  readonly attributes: Api.Attributes
  readonly value: unknown
}

/** Registers a meter provider for the tests of a file; what it returns collects all figures, counters since the last time. */
export function useFigures(): () => Promise<CollectedFigure[]> {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.DELTA)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  beforeAll(() => void metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] })))
  afterAll(async () => {
    metrics.disable()
    await reader.shutdown()
  })
  return async () => {
    exporter.reset()
    await reader.forceFlush()
    const all = exporter.getMetrics().at(-1)?.scopeMetrics ?? []
    return all
      .filter(({ scope }) => scope.name === '@tidemark/fanout')
      .flatMap((scope) => scope.metrics)
      .flatMap(({ descriptor: { name }, dataPoints }) =>
        dataPoints.map(({ attributes, value }) => ({ name, attributes, value })),
      )
  }
}
