import { createRequire } from 'node:module'
import type * as Api from '@opentelemetry/api'
import type * as Metrics from '@opentelemetry/sdk-metrics'
import { createEventStore, type EventStore } from '@tidemark/eventstore'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createProjector, defineHandler, type Projector } from '../src/index.js'
import { Order, orderSummary } from './order.js'
import { place } from './order-log.js'
import { useStoreDatabase } from './store-database.js'

// Required, as the package itself does it: the entries for bundlers, which the test runner prefers, leave the endings off their imports.
const require = createRequire(import.meta.url)
const { metrics } = require('@opentelemetry/api') as typeof Api
const { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } =
  require('@opentelemetry/sdk-metrics') as typeof Metrics

const database = useStoreDatabase()
const figures = new InMemoryMetricExporter(AggregationTemporality.DELTA)
const reader = new PeriodicExportingMetricReader({ exporter: figures, exportIntervalMillis: 3_600_000 })
let store: EventStore
let unobserved: Projector
let failing = 0
const audit = defineHandler({
  ...{ name: 'audit', version: 1, on: Order },
  async handle() {
    if (failing-- > 0) throw new Error('once more')
  },
})

/** Registration is global and for good, so a projector without it is made first. */
beforeAll(() => {
  store = createEventStore(database.pool, { listen: false, pollIntervalMs: 20 })
  unobserved = createProjector(store, [audit])
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))
})
afterAll(async () => {
  await store.close()
  metrics.disable()
  await reader.shutdown()
})

/** The data points of a figure since the last look, by projection. */
const measured = async () => {
  await reader.forceFlush()
  const all =
    figures
      .getMetrics()
      .at(-1)
      ?.scopeMetrics.filter(({ scope }) => scope.name === '@tidemark/projections')
      .flatMap((scope) => scope.metrics) ?? []
  figures.reset()
  const entries = all.flatMap(({ descriptor, dataPoints }) =>
    dataPoints.map(({ attributes, value }) => {
      expect(attributes['tidemark.schema']).toBe('tidemark')
      const name = descriptor.name.replace('tidemark.projection.', '')
      return [`${name} ${String(attributes['tidemark.projection'])}`, value] as const
    }),
  )
  return new Map<string, unknown>(entries)
}

test('nothing is measured where nobody observed when the projector was made', async () => {
  await unobserved.start()
  const { position } = await place(store, 'unseen', { customerId: 'c', total: 1 })
  await unobserved.waitFor('audit', position, { timeoutMs: 5000 })
  expect(await measured()).toEqual(new Map())
  await unobserved.stop()
})

test('lag, batches and failures are measured by projection, until the projector is stopped', async () => {
  failing = 2
  await place(store, 'first', { customerId: 'c', total: 1 })
  const projector = createProjector(store, [audit, orderSummary], { watchIntervalMs: 50 })
  await projector.start()
  const { position } = await store.head()
  for (const { name } of [audit, orderSummary]) await projector.waitFor(name, position, { timeoutMs: 5000 })
  const now = await measured()
  expect(now.get('lag audit')).toBe(0)
  expect(now.get('lag_time order-summary')).toBe(0)
  expect(now.get('batch.failures audit')).toBe(2)
  expect(now.has('batch.failures order-summary')).toBe(false)
  expect(now.has('batch.duration order-summary')).toBe(true)
  expect(now.get('batch.duration audit')).toMatchObject({ count: 1 })
  const { sum } = now.get('batch.duration audit') as { sum: number }
  expect(sum).toBeGreaterThan(0)
  expect(sum).toBeLessThan(10)

  failing = 1000
  const behind = await place(store, 'second', { customerId: 'c', total: 1 })
  await place(store, 'third', { customerId: 'c', total: 1 })
  await database.pool.query(
    `update tidemark.events set recorded_at = clock_timestamp() - interval '30 seconds' where position = $1`,
    [behind.position],
  )
  await expect.poll(async () => (await projector.status())[0]?.state, { timeout: 5000 }).toBe('failed')
  const later = await measured()
  // The first try and three more, after which nobody tries again.
  expect(later.get('batch.failures audit')).toBe(4)
  expect(later.get('lag audit')).toBe(2)
  expect(later.get('lag_time audit')).toBeGreaterThanOrEqual(30)
  expect(later.get('lag_time audit')).toBeLessThan(60)
  await projector.stop()
  expect([...(await measured()).keys()].filter((name) => name.startsWith('lag'))).toEqual([])
})
