import { createEventStore, Checkpoint, type EventStore } from '@tidemark/eventstore'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  createProjector,
  defineHandler,
  defineProjection,
  readModelOf,
  SchemaChangedError,
  UnknownProjectionError,
  type Projector,
} from '../src/index.js'
import { customerTotals, Order, orderSummary, Payment } from './order.js'
import { place, rowsOf } from './order-log.js'
import { useStoreDatabase } from './store-database.js'

describe('a projector', () => {
  const database = useStoreDatabase()
  let store: EventStore
  const running: Projector[] = []
  const start = async (...args: Parameters<typeof createProjector> extends [unknown, ...infer Rest] ? Rest : never) => {
    const projector = createProjector(store, ...args)
    running.push(projector)
    await projector.start()
    return projector
  }
  beforeAll(() => {
    store = createEventStore(database.pool)
  })
  afterEach(async () => {
    await Promise.all(running.splice(0).map((projector) => projector.stop()))
  })
  afterAll(() => store.close())

  test('fills a table from a log that is already there, and follows it', async () => {
    await place(store, 'a', { customerId: 'c-1', total: 12.5 })
    const projector = await start([orderSummary, customerTotals])
    const shipped = await store.append(Order, 'a', [{ type: 'OrderShipped', data: { trackingId: 't-1' } }], {
      expectedVersion: 1,
    })
    expect(await projector.waitFor('order-summary', shipped.position, { timeoutMs: 5000 })).toBe('reached')
    expect(await rowsOf(store, orderSummary)).toEqual([
      {
        ...{ orderId: 'a', customerId: 'c-1', status: 'shipped', total: 12.5, currency: 'EUR', trackingId: 't-1' },
        placedAt: expect.any(Date),
      },
    ])
    const paid = await store.append(
      Payment,
      'p-1',
      [{ type: 'PaymentTaken', data: { customerId: 'c-1', amount: 12.5 } }],
      { expectedVersion: 'no-stream' },
    )
    expect(await projector.waitFor('customer-totals', paid.position, { timeoutMs: 5000 })).toBe('reached')
    expect(await rowsOf(store, customerTotals)).toEqual([
      { customerId: 'c-1', orders: 1, payments: 1, spent: 1250n, lastOrder: 'a', tags: ['pays'] },
    ])
  })

  test('an event that nobody handles moves the checkpoint, or waiters would wait for ever', async () => {
    const projector = await start([orderSummary])
    const { position } = await store.append(Order, 'seen', [{ type: 'OrderSeen', data: {} }], {
      expectedVersion: 'any',
    })
    expect(await projector.waitFor('order-summary', position, { timeoutMs: 5000 })).toBe('reached')
    const [status] = await projector.status()
    expect(status).toMatchObject({ state: 'running', lag: 0n, error: undefined, table: 'order_summary_v1_1' })
  })

  test('null takes a row away, also one that the same batch made', async () => {
    await place(store, 'gone', { customerId: 'c-2', total: 1 })
    const last = await store.append(Order, 'gone', [{ type: 'OrderForgotten', data: {} }], { expectedVersion: 1 })
    const projector = await start([orderSummary])
    await projector.waitFor('order-summary', last.position, { timeoutMs: 5000 })
    expect((await rowsOf(store, orderSummary)).map(({ orderId }) => orderId)).not.toContain('gone')
  })

  test('events of an older schema version are upcast before a handler sees them', async () => {
    const { position } = await store.appendToStream(
      'order-old',
      [{ type: 'OrderPlaced', data: { customerId: 'c-3', total: 3 }, schemaVersion: 1 }],
      { expectedVersion: 'no-stream' },
    )
    const projector = await start([orderSummary])
    await projector.waitFor('order-summary', position, { timeoutMs: 5000 })
    expect((await rowsOf(store, orderSummary)).find(({ orderId }) => orderId === 'old')?.currency).toBe('EUR')
  })

  test('two projectors on one projection count each event once', async () => {
    const one = await start([customerTotals], { batchSize: 7, leaseMs: 1000 })
    await start([customerTotals], { batchSize: 7, leaseMs: 1000 })
    const appends = await Promise.all(
      Array.from({ length: 300 }, (_, index) => place(store, `two-${index}`, { customerId: 'c-two', total: 1 })),
    )
    const last = appends.reduce((max, { position }) => (position > max ? position : max), 0n)
    expect(await one.waitFor('customer-totals', last, { timeoutMs: 10_000 })).toBe('reached')
    const row = (await rowsOf(store, customerTotals)).find(({ customerId }) => customerId === 'c-two')
    expect(row?.orders).toBe(300)
  })

  test('a projector whose checkpoint was taken in the middle of a batch writes nothing of it', async () => {
    const slow = defineProjection({ ...definitionOfCounts, name: 'taken' })
    const projector = await start([slow], { batchSize: 5, leaseMs: 300 })
    // Past a pooler of two connections, which the batch and the appends need.
    const lock = new pg.Client({ connectionString: database.directUrl })
    await lock.connect()
    await lock.query('begin')
    // Its next batch waits in the write, as if the process were paused there.
    await lock.query(`lock table tidemark_read.taken_v1_1 in share mode`)
    const appends = await Promise.all(
      Array.from({ length: 20 }, (_, index) => place(store, `taken-${index}`, { customerId: 'c', total: 1 })),
    )
    await new Promise((resolve) => setTimeout(resolve, 600))
    await lock.query('commit')
    await lock.end()
    const last = appends.reduce((max, { position }) => (position > max ? position : max), 0n)
    expect(await projector.waitFor('taken', last, { timeoutMs: 10_000 })).toBe('reached')
    // Somebody else takes it while nothing runs: what the first one still has must fail.
    await projector.stop()
    const first = await Checkpoint.claim(store.database, 'projection:taken_v1_1', { owner: 'first', leaseMs: 1 })
    await new Promise((resolve) => setTimeout(resolve, 20))
    await Checkpoint.claim(store.database, 'projection:taken_v1_1', { owner: 'second', leaseMs: 1 })
    await expect(first!.advance(database.pool, { ...first!.place, position: last + 1n })).rejects.toThrow('taken over')
    const all = (await store.head()).position
    expect((await rowsOf(store, slow))[0]?.count).toBe(
      (await store.log.read({ after: 0n, upTo: all, limit: 100_000, types: ['OrderPlaced'] })).events.length,
    )
  })

  test('a raw handler shares its transaction with the checkpoint', async () => {
    await database.pool.query('create table seen (event_id uuid primary key)')
    let failures = 1
    const audit = defineHandler({
      name: 'audit',
      version: 1,
      on: [Order, Payment],
      types: ['PaymentTaken'],
      async handle(transaction, events) {
        for (const event of events) await transaction.query('insert into seen values ($1)', [event.id])
        if (failures-- > 0) throw new Error('once')
      },
    })
    const projector = await start([audit])
    const { position } = await store.append(
      Payment,
      'p-2',
      [{ type: 'PaymentTaken', data: { customerId: 'c-1', amount: 1 } }],
      { expectedVersion: 'no-stream' },
    )
    expect(await projector.waitFor('audit', position, { timeoutMs: 5000 })).toBe('reached')
    // A repeated insert would have failed on the primary key.
    expect((await database.pool.query('select from seen')).rowCount).toBe(2)
  })

  test('a row that does not match its schema stops the projection and names event and path', async () => {
    const wrong = defineProjection({
      ...{ name: 'wrong', version: 1, key: 'id', schema: z.object({ id: z.string(), total: z.number().max(5) }) },
      on: [Order, { OrderPlaced: (_row, { aggregateId, data }) => ({ id: aggregateId, total: data.total }) }],
    })
    const projector = await start([wrong])
    const { position } = await place(store, 'dear', { customerId: 'c', total: 100 })
    expect(await projector.waitFor('wrong', position, { timeoutMs: 500 })).toBe('faulted')
    await expect.poll(async () => (await projector.status())[0]?.state, { timeout: 5000 }).toBe('failed')
    const [status] = await projector.status()
    expect(status?.error).toMatch(/"wrong" made an invalid row ".*" from OrderPlaced at position \d+, at \$\.total/)
  })

  test('other columns under the same version are refused at start', async () => {
    const changed = defineProjection({
      ...{ name: 'order-summary', version: 1, key: 'orderId' },
      schema: z.object({ orderId: z.string(), total: z.string() }),
      on: [Order, { OrderForgotten: () => null }],
    })
    const refused = createProjector(store, [changed]).start()
    await expect(refused).rejects.toThrow(SchemaChangedError)
    await expect(refused).rejects.toThrow(
      /total is double precision not null, wanted text not null.*Raise the projection's version/,
    )
  })

  test('waiting ends in time, and for what nobody knows at once', async () => {
    const projector = createProjector(store, [orderSummary])
    const before = performance.now()
    expect(await projector.waitFor('order-summary', 1_000_000n, { timeoutMs: 100 })).toBe('behind')
    expect(performance.now() - before).toBeLessThan(1000)
    await expect(projector.waitFor('nothing', 1n, { timeoutMs: 100 })).rejects.toThrow(UnknownProjectionError)
    const abort = new AbortController()
    const waiting = projector.waitFor('order-summary', 1_000_000n, { timeoutMs: 5000, signal: abort.signal })
    abort.abort(new Error('gone'))
    await expect(waiting).rejects.toThrow('gone')
  })

  test('a position that another process reaches is found', async () => {
    await start([orderSummary])
    const watcher = createProjector(store, [orderSummary])
    const { position } = await place(store, 'elsewhere', { customerId: 'c', total: 1 })
    expect(await watcher.waitFor('order-summary', position, { timeoutMs: 5000 })).toBe('reached')
  })

  test('what queries filter and sort by has an index', async () => {
    await start([orderSummary])
    const { rows } = await database.pool.query<{ indexdef: string }>(
      `select indexdef from pg_indexes where schemaname = 'tidemark_read' and tablename = 'order_summary_v1_1' order by indexname`,
    )
    const columns = rows.map(({ indexdef }) => /\((.*)\)$/.exec(indexdef)?.[1])
    expect(columns.sort()).toEqual(['order_id', 'placed_at, order_id', 'status, order_id', 'total, order_id'])
  })

  test('the role of readers may read the view', async () => {
    await start([orderSummary])
    const { rows } = await database.pool.query<{ granted: boolean }>(
      `select has_table_privilege('tidemark_reader', '${readModelOf(store, orderSummary).view}', 'select') as granted`,
    )
    expect(rows[0]?.granted).toBe(true)
  })
})

const definitionOfCounts = {
  version: 1,
  schema: z.object({ id: z.string(), count: z.int() }),
  key: 'id' as const,
  keyOf: () => 'all',
  on: [
    Order,
    { OrderPlaced: (row: { count: number } | null) => ({ id: 'all', count: (row?.count ?? 0) + 1 }) },
  ] as const,
}
