import { Checkpoint, createEventStore, inTransaction, on, type EventStore } from '@tidemark/eventstore'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  createProjector,
  defineProjection,
  listParked,
  ProjectionDefinitionError,
  rebuildProjection,
  RebuildRunningError,
  type AnyProjection,
  type Projection,
  type Projector,
} from '../src/index.js'
import { prepareBuild } from '../src/build.js'
import { dropTable } from '../src/table-lifecycle.js'
import { customerTotals, Order, orderSummary } from './order.js'
import { place, placeMany, rowsOf } from './order-log.js'
import { useStoreDatabase } from './store-database.js'
import { tallies, Tally } from './tally.js'

describe('a rebuild from a position', () => {
  const database = useStoreDatabase({ max: 20 })
  let store: EventStore
  let projector: Projector
  let middle: bigint
  const parking = tallies('parking', { policy: 'park', retries: 0 })
  beforeAll(async () => {
    store = createEventStore(database.pool)
    projector = createProjector(store, [orderSummary, { ...customerTotals, shards: 2 }, parking], {
      watchIntervalMs: 50,
    })
    await projector.start()
    await placeMany(store, 'early', 200)
    for (const by of [1, 13, 2]) {
      await store.append(Tally, 'bad', [{ type: 'Counted', data: { by, group: 'a' } }], { expectedVersion: 'any' })
    }
    middle = (await store.head()).position + 1n
    for (let index = 0; index < 20; index++)
      await place(store, `late-${index}`, { customerId: `c-${index % 5}`, total: index })
    await store.append(Order, 'early-1', [{ type: 'OrderShipped', data: { trackingId: 'late' } }], {
      expectedVersion: 'any',
    })
    for (const id of ['bad', 'good'])
      await store.append(Tally, id, [{ type: 'Counted', data: { by: 5, group: 'a' } }], { expectedVersion: 'any' })
    await caughtUp(orderSummary, customerTotals, parking)
  })
  afterAll(async () => {
    await projector.stop()
    await store.close()
  })
  const caughtUp = async (...projections: AnyProjection[]) => {
    const { position } = await store.head()
    for (const { name } of projections)
      expect(await projector.waitFor(name, position, { timeoutMs: 10_000 })).toBe('reached')
  }
  const spoil = (table: string, set: string) => database.pool.query(`update tidemark_read.${table} set ${set}`)

  test.each([
    ['rows of one stream', orderSummary, 'order_summary', `customer_id = 'spoiled'`, 21],
    ['rows of several streams', customerTotals, 'customer_totals', 'orders = -1', 5],
  ] as const)('folds touched %s again and keeps the others as they are', async (_, projection, view, set, touched) => {
    const before = await rowsOf(store, projection as Projection)
    await spoil(view, set)
    const result = await rebuildProjection(store, projection, { from: middle, batchSize: 7 })
    expect(result).toMatchObject({ rows: before.length, promoted: true })
    const after = await rowsOf(store, projection as Projection)
    const right = after.filter((row, index) => JSON.stringify(text(row)) === JSON.stringify(text(before[index])))
    expect(right).toHaveLength(touched)
    expect(after.map((row) => row[projection.key])).toEqual(before.map((row) => row[projection.key]))
    // All of them, after all.
    await rebuildProjection(store, projection)
    expect(await rowsOf(store, projection as Projection)).toEqual(before)
  })

  test('keeps what was parked parked, and touched rows without it', async () => {
    const before = await rowsOf(store, parking)
    const parked = await listParked(store, { projection: 'parking' })
    expect(parked.map(({ status }) => status)).toEqual(['failed', 'blocked', 'blocked'])
    await rebuildProjection(store, parking, { from: middle })
    expect(await rowsOf(store, parking)).toEqual(before)
    const now = (await listParked(store, { projection: 'parking' })).filter(
      ({ consumer }) => consumer === 'parking_v1_2',
    )
    expect(now.map(({ position, status }) => [position, status])).toEqual(
      parked.map(({ position, status }) => [position, status]),
    )
  })

  test('loses nothing of what is appended meanwhile', async () => {
    let going = true
    let appended = 0
    const appender = (async () => {
      while (going) await place(store, `meanwhile-${appended++}`, { customerId: 'c-meanwhile', total: 1 })
    })()
    for (let round = 0; round < 5; round++)
      await rebuildProjection(store, customerTotals, { from: middle, batchSize: 50 })
    going = false
    await appender
    await caughtUp(orderSummary, customerTotals)
    const row = (await rowsOf(store, customerTotals)).find(({ customerId }) => customerId === 'c-meanwhile')
    expect(row?.orders).toBe(appended)
  })

  test('goes on where it was cut off, and begins anew from another position', async () => {
    const before = await rowsOf(store, orderSummary)
    const cut = async (from: bigint) => {
      const abort = new AbortController()
      let batches = 0
      const cutting = rebuildProjection(store, orderSummary, {
        ...{ from, batchSize: 3, signal: abort.signal },
        onProgress: () => {
          if (++batches === 3) abort.abort(new Error('enough'))
        },
      })
      await expect(cutting).rejects.toThrow('enough')
      const { rows } = await database.pool.query<{ table_name: string }>(
        `select table_name from tidemark.projections where status = 'building' and name = 'order-summary'`,
      )
      return rows.map(({ table_name }) => table_name)
    }
    const [first] = await cut(middle)
    expect(await cut(middle)).toEqual([first])
    expect(await cut(middle + 1n)).not.toEqual([first])
    await rebuildProjection(store, orderSummary, { from: middle + 1n })
    expect(await rowsOf(store, orderSummary)).toEqual(before)
  })

  test('leaves alone a build from another position that somebody works on', async () => {
    const before = await rowsOf(store, orderSummary)
    const own = createEventStore(database.pool, { listen: false })
    const read = own.log.read.bind(own.log)
    let goOn = (): void => undefined
    const gate = new Promise<void>((resolve) => (goOn = resolve))
    const atWork = new Promise<void>((resolve) => {
      Object.assign(own.log, {
        read: async (...options: Parameters<typeof read>) => {
          resolve()
          await gate
          return read(...options)
        },
      })
    })
    const first = rebuildProjection(own, orderSummary, { from: 5n })
    await atWork
    const second = rebuildProjection(store, orderSummary, { from: 9n })
    await expect(second).rejects.toThrow(/is being rebuilt by rebuild\//)
    goOn()
    expect(await first).toMatchObject({ promoted: true })
    expect(await rowsOf(store, orderSummary)).toEqual(before)
    await own.close()
  })

  test.each([0, 1])(
    'begins anew once the lease of whoever died in shard %i of another build has ended',
    async (shard) => {
      const before = await rowsOf(store, orderSummary)
      const { table } = await prepareBuild(store, orderSummary, { shards: 2 })
      const name = `projection:${table}/${shard}`
      expect(await Checkpoint.claimExisting(store.database, name, { owner: 'died', leaseMs: 60_000 })).toBeDefined()
      const again = () => rebuildProjection(store, orderSummary, { from: 9n })
      await expect(again()).rejects.toThrow(new RebuildRunningError('order-summary', 'died'))
      await database.pool.query(
        `update tidemark.checkpoints set lease_until = now() - interval '1 s' where name = $1`,
        [name],
      )
      const rebuilt = await again()
      expect(rebuilt).toMatchObject({ promoted: true })
      expect(rebuilt.table).not.toBe(table)
      expect(await rowsOf(store, orderSummary)).toEqual(before)
      const left = await database.pool.query('select from tidemark.projections where table_name = $1', [table])
      expect(left.rowCount).toBe(0)
    },
  )

  test('a build with other columns is dropped on the same terms, and one without a checkpoint is nobody’s', async () => {
    const withColumn = (column: string) =>
      defineProjection({
        ...{ name: 'order-summary', version: 2, key: 'orderId' },
        schema: z.object({ orderId: z.string(), [column]: z.string() }),
        on: [Order, { OrderPlaced: (_row, { aggregateId }) => ({ orderId: aggregateId, [column]: 'x' }) }],
      }) as unknown as Projection
    const { table } = await prepareBuild(store, withColumn('one'), { shards: 1 })
    const name = `projection:${table}`
    const mine = await Checkpoint.claimExisting(store.database, name, { owner: 'other', leaseMs: 60_000 })
    const other = () => prepareBuild(store, withColumn('two'), { shards: 1 })
    await expect(other()).rejects.toThrow(RebuildRunningError)
    await mine!.release()
    const second = await other()
    expect(second.table).not.toBe(table)
    await database.pool.query('delete from tidemark.checkpoints where name = $1', [`projection:${second.table}`])
    const third = await other()
    expect(third.table).not.toBe(second.table)
    await inTransaction(database.pool, (client) => dropTable(on(store.database, client), third.table))
  })

  test('is refused where there are no such rows to keep', async () => {
    const wider = defineProjection({
      ...{ name: 'order-summary', version: 2, key: 'orderId', schema: z.object({ orderId: z.string() }) },
      on: [Order, { OrderPlaced: (_row, { aggregateId }) => ({ orderId: aggregateId }) }],
    })
    await expect(rebuildProjection(store, wider, { from: 1n })).rejects.toThrow(/other columns: rebuild all of it/)
    await expect(rebuildProjection(store, orderSummary, { from: 0n })).rejects.toThrow(ProjectionDefinitionError)
    await expect(rebuildProjection(store, orderSummary, { from: 5n, shards: 2 })).rejects.toThrow(/one shard/)
    const fresh = { ...orderSummary, name: 'fresh' }
    await expect(rebuildProjection(store, fresh, { from: 1n })).rejects.toThrow(/no live table/)
  })
})

const text = (row: unknown) =>
  JSON.parse(JSON.stringify(row, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)))
