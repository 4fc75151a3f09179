import { createEventStore, type EventStore } from '@tidemark/eventstore'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  blame,
  createProjector,
  defineHandler,
  diffProjection,
  incompleteRows,
  inlineProjections,
  listParked,
  listProjections,
  ProjectionDefinitionError,
  promoteProjection,
  ReadModelsRefusedError,
  readModelOf,
  readModelsIn,
  rebuildProjection,
  replay,
  retryParked,
  rollbackProjection,
  rowAt,
  verifyProjection,
  type AnyProjection,
  type Projection,
  type Projector,
  type ReadModelStore,
} from '../src/index.js'
import { customerTotals, Order, orderSummary } from './order.js'
import { place, placeMany, rowsOf } from './order-log.js'
import { readModelSchema, useReadModelDatabase } from './read-model-database.js'
import { useStoreDatabase } from './store-database.js'
import { code, groups, tallies, Tally } from './tally.js'

describe('read models in another database than the log', () => {
  const logDatabase = useStoreDatabase()
  const readDatabase = useReadModelDatabase()
  let store: EventStore
  let readModels: ReadModelStore
  const projectors: Projector[] = []
  const sharded = { ...orderSummary, name: 'sharded', shards: 3 } as unknown as typeof orderSummary
  beforeAll(async () => {
    store = createEventStore(logDatabase.pool)
    readModels = await readModelsIn(store, readDatabase.pool, { schema: readModelSchema })
    await placeMany(store, 'first', 300)
  })
  afterEach(async () => {
    code.takesThirteen = false
    await Promise.all(projectors.splice(0).map((projector) => projector.stop()))
  })
  afterAll(() => store.close())

  const start = async (...projections: AnyProjection[]) => {
    const projector = createProjector(readModels, projections, {
      ...{ batchSize: 50, leaseMs: 1500, watchIntervalMs: 50 },
    })
    projectors.push(projector)
    await projector.start()
    return projector
  }
  const caughtUp = async (projector: Projector, ...projections: AnyProjection[]) => {
    const { position } = await readModels.head()
    for (const { name } of projections)
      expect(await projector.waitFor(name, position, { timeoutMs: 20_000 })).toBe('reached')
  }
  /** What the same code makes in the database of the log. */
  const rowsBesideTheLog = async <P extends Projection>(projection: P) => {
    await rebuildProjection(store, projection)
    return rowsOf(store, projection)
  }
  const count = (id: string, by: number, group: string) =>
    store.append(Tally, id, [{ type: 'Counted', data: { by, group } }], { expectedVersion: 'any' })

  test('have the rows that they would have beside it, and leave nothing there but how far they are', async () => {
    const projector = await start(orderSummary, customerTotals, sharded)
    await caughtUp(projector, orderSummary, customerTotals, sharded)
    const { rows } = await logDatabase.pool.query(
      `select (select count(*) from tidemark.projections)::int as tables, (select count(*) from tidemark.subscribers)::int as subscribers,
              (select json_agg(name) from tidemark.checkpoints) as checkpoints`,
    )
    expect(rows).toEqual([
      { tables: 0, subscribers: 0, checkpoints: [expect.stringMatching(/^read-models:.*\.reads\/[0-9a-f]{8}$/)] },
    ])
    for (const projection of [orderSummary, customerTotals] as Projection[])
      expect(await rowsOf(readModels, projection)).toEqual(await rowsBesideTheLog(projection))
    expect(await rowsOf(readModels, sharded)).toEqual(await rowsOf(readModels, orderSummary))
    const { view } = readModelOf(readModels, orderSummary)
    expect(view).toBe('reads_read."order_summary"')
    expect(await listProjections(readModels, [orderSummary])).toMatchObject([{ state: 'running', lag: 0n, lagMs: 0 }])
  })

  test('are woken by appends, and waited for by positions of the log', async () => {
    const projector = await start(orderSummary)
    await caughtUp(projector, orderSummary)
    // One that runs nothing looks at the checkpoints.
    const waiter = createProjector(readModels, [orderSummary])
    const { position } = await place(store, 'woken', { customerId: 'c-woken', total: 1 })
    expect(await waiter.waitFor('order-summary', position, { timeoutMs: 5000 })).toBe('reached')
    expect((await rowsOf(readModels, orderSummary)).some(({ orderId }) => orderId === 'woken')).toBe(true)
    expect(await waiter.waitFor('order-summary', position + 1000n, { timeoutMs: 100 })).toBe('behind')
    await waiter.stop()
  })

  test('a position that was taken in vain is not passed: after a crash it may be given out again', async () => {
    const projector = await start(orderSummary)
    await caughtUp(projector, orderSummary)
    await store.append(Order, 'vain', [{ type: 'OrderSeen', data: {} }], { expectedVersion: 'no-stream' })
    const last = (await store.head()).position
    const vain = `('order-vain', 2, gen_random_uuid(), 1, 'OrderSeen', '{}', '{}')`
    const inVain = `insert into tidemark.events (stream_id, version, id, schema_version, type, data, metadata) values ${vain}, ${vain}`
    await expect(logDatabase.pool.query(inVain)).rejects.toMatchObject({ constraint: 'events_stream_id_version_key' })
    // The error comes before the fence is let go of.
    await expect.poll(async () => (await store.head()).position).toBeGreaterThan(last)
    expect(await readModels.head()).toMatchObject({ position: last, lastPosition: last })
    expect(await projector.waitFor('order-summary', last, { timeoutMs: 5000 })).toBe('reached')
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect((await projector.status())[0]).toMatchObject({ position: last, lag: 0n, stall: undefined })
  })

  test('a handler writes where the read models are, in the transaction of its checkpoint', async () => {
    await readDatabase.pool.query('create table audit (event_id uuid)')
    const audit = defineHandler({
      ...{ name: 'audit', version: 1, on: Order },
      async handle(transaction, events) {
        for (const { id } of events) await transaction.query('insert into audit values ($1)', [id])
      },
    })
    const projector = await start(audit)
    await caughtUp(projector, audit)
    const inLog = await logDatabase.pool.query(`select from tidemark.events where stream_id like 'order-%'`)
    expect((await readDatabase.pool.query('select from audit')).rowCount).toBe(inLog.rowCount)
    expect(await replay(readModels, audit)).toMatchObject({ events: inLog.rowCount, effects: 'rolled-back' })
  })

  test('are rebuilt, compared, promoted and rolled back while appends go on, and lose nothing', async () => {
    const projector = await start(customerTotals, orderSummary)
    await caughtUp(projector, customerTotals, orderSummary)
    let appending = true
    const appender = (async () => {
      for (let index = 0; appending; index++)
        await place(store, `rebuilt-${index}`, { customerId: `c-${index % 50}`, total: 1 })
    })()
    for (const projection of [customerTotals, orderSummary] as Projection[]) {
      await rebuildProjection(readModels, projection, { promote: false, shards: 2 })
      const { added, removed, changed } = await diffProjection(readModels, projection)
      expect({ added, removed, changed }).toEqual({ added: 0, removed: 0, changed: 0 })
      for (let round = 0; round < 5; round++) {
        if (round === 0) await promoteProjection(readModels, projection)
        else await rollbackProjection(readModels, projection)
      }
      await rebuildProjection(readModels, projection, { from: 100n })
    }
    appending = false
    await appender
    await caughtUp(projector, customerTotals, orderSummary)
    for (const projection of [customerTotals, orderSummary] as Projection[])
      expect(await rowsOf(readModels, projection)).toEqual(await rowsBesideTheLog(projection))
  })

  test.each([1, 2])('park what they cannot take, and redrive it (%i shards)', async (shards) => {
    const one = tallies(`tallies-${shards}`, { policy: 'park', retries: 0 }, shards)
    const several = groups(`groups-${shards}`, { policy: 'park', retries: 0 }, shards)
    const projector = await start(one, several)
    const [a, b] = [`a${shards}`, `b${shards}`]
    for (const by of [1, 13, 2]) await count(a, by, 'odd+even')
    await count(b, 7, 'odd')
    await caughtUp(projector, one, several)
    const [failed] = await listParked(readModels, { projection: one.name, status: 'failed' })
    expect(failed).toMatchObject({ streamId: 'tally-a1', blocks: 1 })
    expect(await incompleteRows(readModels, one, [a, b])).toEqual(new Set([a]))
    expect(await verifyProjection(readModels, one, { all: true })).toMatchObject({ driftedRows: 0 })
    expect(await verifyProjection(readModels, several, { all: true })).toMatchObject({ driftedRows: 0 })
    code.takesThirteen = true
    for (const projection of [one, several] as Projection[]) {
      for (const { failure } of await retryParked(readModels, projection)) expect(failure).toBeUndefined()
      expect(await listParked(readModels, { projection: projection.name })).toEqual([])
      expect(await rowsOf(readModels, projection)).toEqual(await rowsBesideTheLog(projection))
    }
  })

  test.each([
    ['order_summary', orderSummary, `customer_id = 'tampered'`, `order_id in ('first-1', 'first-2')`],
    ['customer_totals', customerTotals, 'orders = -1', `customer_id in ('c-1', 'c-2')`],
  ] as const)('%s: tampered rows are found and healed', async (view, projection, set, where) => {
    const projector = await start(projection)
    await caughtUp(projector, projection)
    expect(await verifyProjection(readModels, projection, { all: true })).toMatchObject({ driftedRows: 0 })
    const key = projection === orderSummary ? 'order_id' : 'customer_id'
    await readDatabase.pool.query(`update reads_read.${view} set ${set} where ${where}`)
    await readDatabase.pool.query(
      `delete from reads_read.${view} where ${key} = '${view === 'order_summary' ? 'first-4' : 'c-4'}'`,
    )
    expect(await verifyProjection(readModels, projection, { all: true })).toMatchObject({ driftedRows: 3, healed: 0 })
    expect(await verifyProjection(readModels, projection, { all: true, heal: true })).toMatchObject({ healed: 3 })
    expect(await verifyProjection(readModels, projection, { sample: 1000 })).toMatchObject({ driftedRows: 0 })
  })

  test('are traced to their events', async () => {
    const { position } = await place(store, 'blamed', { customerId: 'c-blamed', total: 3 })
    const blamed = await blame(readModels, orderSummary, 'blamed')
    expect(blamed?.fields['total']).toMatchObject({ value: 3, position })
    expect(await rowAt(readModels, customerTotals, 'c-blamed', { position })).toMatchObject({ orders: 1 })
  })

  test('events are not truncated that a read model has yet to see', async () => {
    const late = { ...orderSummary, name: 'late' } as unknown as typeof orderSummary
    const projector = await start(late)
    await caughtUp(projector, late)
    await projector.stop()
    const { version } = await store.append(
      Order,
      'first-1',
      [
        { type: 'OrderSeen', data: {} },
        { type: 'OrderSeen', data: {} },
      ],
      {
        expectedVersion: 'any',
      },
    )
    await expect(
      store.truncateStream('order-first-1', { beforeVersion: version, withoutSnapshot: true }),
    ).rejects.toThrow(/read-models:/)
    const again = await start(late)
    await caughtUp(again, late)
  })

  test('inline read models are refused, and so is a database that is not for these read models', async () => {
    await expect(rebuildProjection(readModels, orderSummary, { keptBy: 'appends' })).rejects.toThrow(
      ProjectionDefinitionError,
    )
    // The log's own.
    await expect(readModelsIn(store, logDatabase.pool)).rejects.toThrow(ReadModelsRefusedError)
    // One that is not migrated.
    await expect(readModelsIn(store, readDatabase.pool, { schema: 'nowhere' })).rejects.toMatchObject({
      code: 'EVENTSTORE_DATABASE',
      kind: 'schema',
    })
    const mixedUp = createEventStore(readDatabase.pool, { schema: readModelSchema, inline: inlineProjections([]) })
    await expect(place(mixedUp, 'lost', { customerId: 'c-1', total: 1 })).rejects.toMatchObject({
      code: 'EVENTSTORE_CONFIGURATION',
    })
    await mixedUp.close()
  })

  test('two logs do not share one', async () => {
    await logDatabase.pool.query(`update tidemark.epochs set epoch = gen_random_uuid()`)
    await expect(readModelsIn(store, readDatabase.pool, { schema: readModelSchema })).rejects.toThrow(
      /read models of another log/,
    )
  })
})
