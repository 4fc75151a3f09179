import { setTimeout as sleep } from 'node:timers/promises'
import { createEventStore, inTransaction, type EventStore } from '@tidemark/eventstore'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import {
  createProjector,
  defineHandler,
  defineProjection,
  listProjections,
  pauseProjection,
  rebuildProjection,
  resumeProjection,
  type AnyProjection,
  type ProjectionStatus,
  type Projector,
  type ProjectorOptions,
} from '../src/index.js'
import { customerTotals, Order, orderSummary } from './order.js'
import { place, placeMany } from './order-log.js'
import { useStoreDatabase } from './store-database.js'

const named = (name: string, version = 1, allow = Infinity) =>
  defineProjection({
    ...{ name, version, key: 'id', schema: z.object({ id: z.string(), total: z.number().max(allow) }) },
    on: [Order, { OrderPlaced: (_row, { aggregateId, data }) => ({ id: aggregateId, total: data.total }) }],
  })

describe('the status of projections', () => {
  const database = useStoreDatabase()
  let store: EventStore
  const running: Projector[] = []
  beforeAll(() => {
    store = createEventStore(database.pool)
  })
  afterEach(async () => {
    vi.restoreAllMocks()
    await Promise.all(running.splice(0).map((projector) => projector.stop()))
  })
  afterAll(() => store.close())

  const start = async (projections: readonly AnyProjection[], options: ProjectorOptions = {}) => {
    const projector = createProjector(store, projections, { watchIntervalMs: 50, leaseMs: 1000, ...options })
    running.push(projector)
    await projector.start()
    return projector
  }
  const caughtUp = async (projector: Projector, { name }: AnyProjection) =>
    expect(await projector.waitFor(name, (await store.head()).position, { timeoutMs: 10_000 })).toBe('reached')
  const statusOf = async (from: Pick<Projector, 'status'> | readonly AnyProjection[]) => {
    const [status] = await ('status' in from ? from.status() : listProjections(store, from))
    return status!
  }

  test('the lag in time is the age of the oldest event that was not handled', async () => {
    const ages = named('ages')
    const aged = async (id: string, seconds: number) => {
      const { position } = await place(store, id, { customerId: 'c', total: 1 })
      await database.pool.query(
        `update tidemark.events set recorded_at = clock_timestamp() - $2 * interval '1 second' where position = $1`,
        [position, seconds],
      )
    }
    const projector = await start([ages])
    await caughtUp(projector, ages)
    expect(await statusOf([ages])).toMatchObject({ lag: 0n, lagMs: 0, etaMs: 0, stall: undefined })
    await projector.stop()
    await aged('ages-1', 60)
    await aged('ages-2', 5)
    const { lag, lagMs, stall, eventsPerSecond, etaMs } = await statusOf([ages])
    expect(lag).toBe(2n)
    expect(lagMs).toBeGreaterThanOrEqual(60_000)
    expect(lagMs).toBeLessThan(70_000)
    expect({ stall, eventsPerSecond, etaMs }).toEqual({
      ...{ stall: { reason: 'lease', owner: undefined }, eventsPerSecond: undefined, etaMs: undefined },
    })
  })

  test('an open append that holds the head back is named, also while there is nothing else to wait for', async () => {
    const held = named('held')
    const projector = await start([held])
    await caughtUp(projector, held)
    expect((await statusOf(projector)).stall).toBeUndefined()
    await inTransaction(database.pool, async (client) => {
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
      const event = { type: 'OrderPlaced', data: { customerId: 'c', total: 1, currency: 'EUR' } } as const
      await store.append(Order, 'held-open', [event], { expectedVersion: 'no-stream', transaction: client })
      await place(store, 'held-later', { customerId: 'c', total: 1 })
      const stall = { reason: 'head-held-back', pid: rows[0]!.pid }
      expect(await statusOf(projector)).toMatchObject({ lag: 0n, stall })
      // What is committed waits, although nobody may read it yet.
      await expect.poll(async () => (await statusOf([held])).lagMs).toBeGreaterThan(0)
    })
    await caughtUp(projector, held)
    expect((await statusOf(projector)).stall).toBeUndefined()
  })

  test('an event that it fails on again and again is told with its error, until nobody tries any more', async () => {
    const picky = { ...named('picky', 1, 5), poison: { policy: 'stop', retries: 4 } as const }
    const projector = await start([picky])
    await caughtUp(projector, picky)
    await place(store, 'dear', { customerId: 'c', total: 100 })
    await expect
      .poll(async () => (await statusOf([picky])).failures, { timeout: 5000, interval: 10 })
      .toBeGreaterThan(1)
    const elsewhere = (await statusOf([picky])).stall
    expect(elsewhere).toMatchObject({ reason: 'poison', failures: expect.any(Number) })
    expect(elsewhere).toHaveProperty('error', expect.stringMatching(/"picky" made an invalid row/))
    expect(elsewhere).toHaveProperty('retryInMs', expect.any(Number))
    await expect.poll(async () => (await statusOf(projector)).state, { timeout: 10_000 }).toBe('failed')
    expect((await statusOf(projector)).stall).toMatchObject({ reason: 'poison', failures: 5, retryInMs: undefined })
    // For other processes that is so once its lease has ended.
    await expect.poll(async () => (await statusOf([picky])).state, { timeout: 5000 }).toBe('failed')
    expect((await statusOf([picky])).stall).toHaveProperty('retryInMs', undefined)
  })

  test('one that is paused says why, and another version that is live which', async () => {
    const [first, second] = [named('versions', 1), named('versions', 2)]
    const projector = await start([first])
    await caughtUp(projector, first)
    await pauseProjection(store, first, 'a look at the rows')
    const paused = { state: 'paused', stall: { reason: 'paused', why: 'a look at the rows' } }
    expect(await statusOf(projector)).toMatchObject(paused)
    expect(await statusOf([first])).toMatchObject(paused)
    await resumeProjection(store, first)
    const resting = await start([second])
    const other = { version: 2, liveVersion: 1, stall: { reason: 'other-version-live', version: 1 } }
    expect(await statusOf(resting)).toMatchObject({ ...other, state: 'failed' })
    expect(await statusOf([second])).toMatchObject(other)
  })

  test('one that is in the hands of somebody who does not move is told with its owner', async () => {
    const stuck = named('stuck')
    const projector = await start([stuck])
    await caughtUp(projector, stuck)
    await projector.stop()
    await place(store, 'stuck', { customerId: 'c', total: 1 })
    await database.pool.query(
      `update tidemark.checkpoints set owner = 'somebody', lease_until = clock_timestamp() + interval '1 minute' where name = 'projection:stuck_v1_1'`,
    )
    const since = (seconds: number) =>
      database.pool.query(
        `update tidemark.checkpoints set updated_at = clock_timestamp() - $1 * interval '1 second' where name = 'projection:stuck_v1_1'`,
        [seconds],
      )
    await since(60)
    // The event came only now.
    expect(await statusOf([stuck])).toMatchObject({ state: 'running', stall: undefined })
    await database.pool.query(
      `update tidemark.events set recorded_at = clock_timestamp() - interval '50 seconds' where stream_id = 'order-stuck'`,
    )
    expect((await statusOf([stuck])).stall).toEqual({ reason: 'lease', owner: 'somebody' })
    await since(1)
    expect((await statusOf([stuck])).stall).toBeUndefined()
  })

  test('speed and time left are known where it runs, and elsewhere by two looks', async () => {
    let release = () => {}
    const slow = defineHandler({
      ...{ name: 'slow', version: 1, on: Order },
      handle: async () => void (await Promise.race([sleep(60), new Promise<void>((resolve) => (release = resolve))])),
    })
    await placeMany(store, 'slow', 300)
    const projector = await start([slow, customerTotals], { batchSize: 4 })
    await sleep(600)
    // Known at the first look.
    const [{ lag, eventsPerSecond, etaMs }, totals] = (await projector.status()) as [ProjectionStatus, ProjectionStatus]
    expect(totals.eventsPerSecond).toBeGreaterThan(0)
    expect(eventsPerSecond).toBeGreaterThan(20)
    expect(eventsPerSecond).toBeLessThan(100)
    expect(etaMs).toBeCloseTo((Number(lag) / eventsPerSecond!) * 1000, 0)
    expect(await statusOf([slow])).toMatchObject({ eventsPerSecond: undefined, etaMs: undefined })
    const [looked] = await listProjections(store, [slow], { measureMs: 500 })
    expect(looked!.eventsPerSecond).toBeGreaterThan(20)
    expect(looked!.eventsPerSecond).toBeLessThan(100)
    release()
  })

  test('shows all tables with their shards', async () => {
    const sharded = { ...orderSummary, shards: 2 }
    const projector = await start([sharded])
    await caughtUp(projector, sharded)
    await rebuildProjection(store, sharded, { promote: false })
    const { position } = await store.head()
    const { tables, shards, table } = await statusOf([sharded])
    expect({ shards, table }).toEqual({ shards: 2, table: 'order_summary_v1_1' })
    const shard = (checkpoint: string) => ({ checkpoint, position, failures: 0, error: undefined })
    expect(tables).toMatchObject([
      {
        ...{ table: 'order_summary_v1_1', version: 1, status: 'live', position, target: undefined },
        shards: [shard('projection:order_summary_v1_1/0'), shard('projection:order_summary_v1_1/1')],
      },
      {
        ...{ table: 'order_summary_v1_2', version: 1, status: 'built', position, target: position },
        shards: [shard('projection:order_summary_v1_2/0'), shard('projection:order_summary_v1_2/1')],
      },
    ])
    expect(tables[0]!.shards[0]!.owner).toBe((await statusOf([sharded])).owner)
    await database.pool.query(
      `update tidemark.checkpoints set position = 1 where name = 'projection:order_summary_v1_2/1'`,
    )
    expect((await statusOf([sharded])).tables[1]!.position).toBe(1n)
  })

  test('costs as many statements for many as for one', async () => {
    const query = vi.spyOn(database.pool, 'query')
    const statements = async (projections: readonly AnyProjection[]) => {
      query.mockClear()
      await listProjections(store, projections)
      return query.mock.calls.length
    }
    const many = Array.from({ length: 20 }, (_, index) => named(`many-${index}`))
    expect(await statements([named('one')])).toBe(4)
    expect(await statements(many)).toBe(4)
  })
})

describe('a database that does not answer', () => {
  const database = useStoreDatabase()

  test('is told with what was seen last, until it answers again', async () => {
    const store = createEventStore(database.pool, { listen: false })
    const projector = createProjector(store, [orderSummary], { watchIntervalMs: 50 })
    await projector.start()
    const { position } = await place(store, 'before', { customerId: 'c', total: 1 })
    await projector.waitFor('order-summary', position, { timeoutMs: 5000 })
    expect((await projector.status())[0]).toMatchObject({ position, stall: undefined })
    await database.pool.query('alter table tidemark.checkpoints rename to hidden')
    const [status] = await projector.status()
    const stall = { reason: 'database', error: expect.stringContaining('42P01') }
    expect(status).toMatchObject({ name: 'order-summary', position, state: 'retrying', stall })
    await expect(listProjections(store, [orderSummary])).rejects.toThrow('42P01')
    await place(store, 'meanwhile', { customerId: 'c', total: 1 })
    await database.pool.query('alter table tidemark.hidden rename to checkpoints')
    await expect
      .poll(async () => (await projector.status())[0], { timeout: 10_000 })
      .toMatchObject({ lag: 0n, state: 'running', stall: undefined })
    await projector.stop()
    await store.close()
  })
})
