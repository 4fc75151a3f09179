import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { createEventStore, inTransaction, type EventStore } from '../src/index.js'
import { Counter } from './counter.js'
import {
  AggregationTemporality,
  AsyncLocalStorageContextManager,
  BasicTracerProvider,
  context,
  InMemoryMetricExporter,
  InMemorySpanExporter,
  MeterProvider,
  metrics,
  PeriodicExportingMetricReader,
  SimpleSpanProcessor,
  SpanStatusCode,
  trace,
} from './open-telemetry.js'
import { useStoreDatabase } from './store-database.js'

const database = useStoreDatabase()
const spans = new InMemorySpanExporter()
const figures = new InMemoryMetricExporter(AggregationTemporality.DELTA)
const reader = new PeriodicExportingMetricReader({ exporter: figures, exportIntervalMillis: 3_600_000 })
const added = { type: 'Added', data: { amount: 1 } } as const

/** Registration is global and for good, so the store without it is looked at first. */
const unobserved = { metadata: {} as object, spans: -1 }
let store: EventStore
beforeAll(async () => {
  const early = createEventStore(database.pool, { listen: false })
  await early.append(Counter, 'early', [added], { expectedVersion: 0 })
  unobserved.metadata = (await early.readStream('counter-early'))[0]!.metadata
  unobserved.spans = spans.getFinishedSpans().length
  await early.close()
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }))
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))
})
afterAll(async () => {
  trace.disable()
  metrics.disable()
  context.disable()
  await reader.shutdown()
})
beforeEach(() => {
  spans.reset()
  figures.reset()
  store = createEventStore(database.pool, { listen: false, pollIntervalMs: 50 })
})
afterEach(() => store.close())

/** The data points of what was measured since the last look. */
const measured = async () => {
  await reader.forceFlush()
  const all =
    figures
      .getMetrics()
      .at(-1)
      ?.scopeMetrics.flatMap((scope) => scope.metrics) ?? []
  figures.reset()
  return new Map(all.map(({ descriptor, dataPoints }) => [descriptor.name.replace('tidemark.', ''), [...dataPoints]]))
}
const figure = async (name: string) => (await measured()).get(name) ?? []
const inSpan = <T>(work: () => Promise<T>) =>
  trace.getTracer('test').startActiveSpan('caller', async (span) => {
    const result = await work()
    span.end()
    return { result, ...span.spanContext() }
  })

test('nothing is added where nobody observes', () => {
  expect(unobserved).toEqual({ metadata: {}, spans: 0 })
})

test('an append has a span below the one of its caller, whose context goes into the metadata', async () => {
  const { traceId, spanId } = await inSpan(() => store.append(Counter, 'one', [added], { expectedVersion: 0 }))
  const span = spans.getFinishedSpans().find(({ name }) => name === 'tidemark.append')!
  expect(span.parentSpanContext).toMatchObject({ traceId, spanId })
  expect(span.attributes).toMatchObject({
    'tidemark.stream': 'counter-one',
    'tidemark.events': 1,
    'tidemark.version': '1',
  })
  const [event] = await store.readStream('counter-one')
  expect(event!.metadata.traceparent).toBe(`00-${traceId}-${spanId}-01`)
})

test('a traceparent that was given stays, and without an active span there is none', async () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  await inSpan(() => store.append(Counter, 'given', [{ ...added, metadata: { traceparent } }], { expectedVersion: 0 }))
  await store.append(Counter, 'given', [added], { expectedVersion: 1 })
  const events = await store.readStream('counter-given')
  expect(events.map(({ metadata }) => metadata.traceparent)).toEqual([traceparent, undefined])
})

test('a snapshot that is ignored is counted', async () => {
  await store.execute(Counter, 'ignored', 'add', { amount: 1 })
  await database.pool.query(
    `insert into tidemark.snapshots (stream_id, snapshot_version, version, event_id, state)
     values ('counter-ignored', 1, 1, gen_random_uuid(), '{}')`,
  )
  await store.load(Counter, 'ignored')
  expect(await figure('snapshot.ignored')).toMatchObject([
    { value: 1, attributes: { 'tidemark.reason': 'not-in-stream', 'tidemark.schema': 'tidemark' } },
  ])
})

test('a command has a span with its append below, and a rejection is an error of it', async () => {
  await store.execute(Counter, 'two', 'add', { amount: 2 })
  await store.load(Counter, 'two')
  const finished = spans.getFinishedSpans()
  expect(finished.map(({ name }) => name)).toEqual(['tidemark.append', 'tidemark.execute', 'tidemark.load'])
  const [append, execute, load] = finished
  expect(append!.parentSpanContext?.spanId).toBe(execute!.spanContext().spanId)
  expect(execute!.attributes).toMatchObject({ 'tidemark.command': 'add', 'tidemark.events': 1 })
  expect(load!.attributes).toMatchObject({ 'tidemark.events_read': 1, 'tidemark.snapshot_version': '0' })
  const [event] = await store.readStream('counter-two')
  expect(event!.metadata.traceparent).toContain(execute!.spanContext().spanId)

  spans.reset()
  await expect(store.execute(Counter, 'two', 'add', { amount: 'x' as never })).rejects.toThrow()
  const [failed] = spans.getFinishedSpans()
  expect(failed!.status.code).toBe(SpanStatusCode.ERROR)
  expect(failed!.attributes).toMatchObject({ 'error.type': 'EVENTSTORE_INVALID_COMMAND' })
  expect(failed!.events).toMatchObject([{ name: 'exception' }])
})

test('the same id and content again is a duplicate although the trace is another', async () => {
  const event = { ...added, id: '01980000-0000-7000-8000-00000000000a' }
  const once = () => inSpan(() => store.append(Counter, 'again', [event], { expectedVersion: 0 }))
  await once()
  expect((await once()).result.duplicate).toBe(true)
})

test('durations, group sizes and conflicts are measured', async () => {
  await measured()
  const group = Array.from({ length: 20 }, (_, n) => store.append(Counter, `g-${n}`, [added], { expectedVersion: 0 }))
  await Promise.all(group)
  await expect(store.append(Counter, 'g-1', [added], { expectedVersion: 0 })).rejects.toThrow()
  const now = await measured()
  const outcomes = now
    .get('append.duration')!
    .map(({ attributes, value }) => [attributes['tidemark.outcome'], (value as { count: number }).count])
  expect(outcomes).toEqual([
    ['stored', 20],
    ['EVENTSTORE_VERSION_CONFLICT', 1],
  ])
  const { sum, max } = now.get('append.duration')![0]!.value as { sum: number; max: number }
  expect(max).toBeGreaterThan(0)
  expect(sum).toBeLessThan(60)
  expect(now.get('append.group_size')).toMatchObject([{ value: { max: 20 } }])
  expect(now.get('append.conflicts')).toMatchObject([{ value: 1, attributes: { 'tidemark.schema': 'tidemark' } }])
})

test('an open append shows in the lag of the head, a subscription that is behind in its own', async () => {
  const release: { now?: () => void } = {}
  const subscription = store.subscribe({
    name: 'lagging',
    batchSize: 1,
    handle: async ({ checkpoint, to, events }) => {
      if (events.length > 0 && release.now === undefined) await new Promise<void>((resolve) => (release.now = resolve))
      await inTransaction(database.pool, (client) => checkpoint.advance(client, to))
    },
  })
  await vi.waitFor(() => expect(release.now).toBeDefined())
  release.now!()
  await vi.waitFor(async () => expect((await figure('subscription.lag'))[0]).toMatchObject({ value: 0 }))
  expect(spans.getFinishedSpans().map(({ name }) => name)).toContain('tidemark.batch')
  await inTransaction(database.pool, async (client) => {
    const open = { expectedVersion: 0, transaction: client } as const
    await store.append(Counter, 'open', [added, added], open)
    await store.append(Counter, 'later', [added], { expectedVersion: 0 })
    expect(await figure('head.lag')).toMatchObject([{ value: 3 }])
  })
  await vi.waitFor(async () => expect(await figure('head.lag')).toMatchObject([{ value: 0 }]))
  await subscription.stop()
  expect(await figure('subscription.lag')).toEqual([])
})
