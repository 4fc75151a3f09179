import { createRequire } from 'node:module'
import type * as Api from '@opentelemetry/api'
import type * as Hooks from '@opentelemetry/context-async-hooks'
import type * as Metrics from '@opentelemetry/sdk-metrics'
import type * as Traces from '@opentelemetry/sdk-trace-base'

// Required, as the package itself does it: the entries for bundlers, which the test runner prefers, leave the endings off their imports.
const require = createRequire(import.meta.url)

export const { context, metrics, SpanStatusCode, trace } = require('@opentelemetry/api') as typeof Api
export const { AsyncLocalStorageContextManager } = require('@opentelemetry/context-async-hooks') as typeof Hooks
export const { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } =
  require('@opentelemetry/sdk-metrics') as typeof Metrics
export const { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } =
  require('@opentelemetry/sdk-trace-base') as typeof Traces
