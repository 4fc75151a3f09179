import {
  Checkpoint,
  CheckpointLostError,
  createEventStore,
  inTransaction,
  listCheckpoints,
  on,
  type EventStore,
} from '@tidemark/eventstore'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import pg from 'pg'
import { z } from 'zod'
import {
  createProjector,
  defineProjection,
  rebuildProjection,
  RebuildRunningError,
  SchemaChangedError,
  VersionNotLiveError,
  type Projector,
} from '../src/index.js'
import { BuildRows } from '../src/build-rows.js'
import { claimOrWait, prepareBuild } from '../src/build.js'
import { copyLog } from '../src/copy-log.js'
import { dropTable } from '../src/table-lifecycle.js'
import { customerTotals, Order, orderSummary } from './order.js'
import { place, placeMany, rowsOf } from './order-log.js'
import { useStoreDatabase } from './store-database.js'

describe('a rebuild', () => {
  const database = useStoreDatabase()
  let store: EventStore
  let projector: Projector
  beforeAll(async () => {
    store = createEventStore(database.pool)
    await placeMany(store, 'first', 500)
    projector = createProjector(store, [orderSummary, customerTotals], { watchIntervalMs: 50 })
    await projector.start()
    await projector.waitFor('order-summary', (await store.head()).position, { timeoutMs: 10_000 })
    await projector.waitFor('customer-totals', (await store.head()).position, { timeoutMs: 10_000 })
  })
  afterAll(async () => {
    await projector.stop()
    await store.close()
  })

  const liveTable = async (name: string) => (await projector.status()).find((status) => status.name === name)?.table

  test('gives the same rows, twice in a row, and drops what it replaced before', async () => {
    const before = await rowsOf(store, orderSummary)
    expect(before).toHaveLength(450)
    const seen: bigint[] = []
    const result = await rebuildProjection(store, orderSummary, {
      batchSize: 100,
      onProgress: ({ done, total, eventsPerSecond }) => {
        expect(done).toBeLessThanOrEqual(total)
        expect(eventsPerSecond).toBeGreaterThan(0)
        seen.push(done)
      },
    })
    expect(result).toMatchObject({ events: 717, rows: 450 })
    expect(seen).toEqual(seen.toSorted((a, b) => Number(a - b)))
    expect(await rowsOf(store, orderSummary)).toEqual(before)
    expect(await liveTable('order-summary')).toBe('order_summary_v1_2')
    expect((await rebuildProjection(store, orderSummary)).rows).toBe(450)
    expect(await rowsOf(store, orderSummary)).toEqual(before)
    const { rows } = await database.pool.query<{ table_name: string }>(
      `select table_name from information_schema.tables where table_schema = 'tidemark_read' and table_name like 'order\\_summary\\_v%' order by 1`,
    )
    expect(rows.map(({ table_name }) => table_name)).toEqual(['order_summary_v1_2', 'order_summary_v1_3'])
  })

  test('the running projector goes on in the new table', async () => {
    await rebuildProjection(store, orderSummary)
    const { position } = await place(store, 'after', { customerId: 'c', total: 1 })
    expect(await projector.waitFor('order-summary', position, { timeoutMs: 5000 })).toBe('reached')
    expect((await rowsOf(store, orderSummary)).map(({ orderId }) => orderId)).toContain('after')
  })

  test('appends meanwhile are not lost, and readers never see fewer rows', async () => {
    let appending = true
    let appended = 0
    const appender = (async () => {
      while (appending) {
        await Promise.all(
          Array.from({ length: 10 }, () => place(store, `during-${appended++}`, { customerId: 'c-during', total: 1 })),
        )
      }
    })()
    let fewest = 0
    let backwards = 0
    const reader = (async () => {
      while (appending) {
        const { rows } = await database.pool.query<{ orders: string | null }>(
          `select sum(orders) as orders from tidemark_read.customer_totals`,
        )
        const orders = Number(rows[0]?.orders ?? 0)
        if (orders < fewest) backwards++
        fewest = Math.max(fewest, orders)
      }
    })()
    for (let round = 0; round < 10; round++) await rebuildProjection(store, customerTotals, { batchSize: 200 })
    appending = false
    await Promise.all([appender, reader])
    expect(backwards).toBe(0)
    const head = (await store.head()).position
    expect(await projector.waitFor('customer-totals', head, { timeoutMs: 10_000 })).toBe('reached')
    const row = (await rowsOf(store, customerTotals)).find(({ customerId }) => customerId === 'c-during')
    expect(row?.orders).toBe(appended)
  })

  test('a reader that sits on the view is given way to, and delays nobody else', async () => {
    const sitting = await database.pool.connect()
    await sitting.query('begin')
    await sitting.query('select count(*) from tidemark_read.order_summary')
    const rebuilding = rebuildProjection(store, orderSummary)
    let slowest = 0
    for (let read = 0; read < 20; read++) {
      const before = performance.now()
      await database.pool.query('select count(*) from tidemark_read.order_summary')
      slowest = Math.max(slowest, performance.now() - before)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    await sitting.query('commit')
    sitting.release()
    await rebuilding
    expect(slowest).toBeLessThan(1000)
  })

  test('a signal ends it, and the next call goes on from there', async () => {
    const abort = new AbortController()
    const head = (await store.head()).position
    const cut = rebuildProjection(store, orderSummary, {
      batchSize: 50,
      signal: abort.signal,
      onProgress: ({ done }) => {
        if (done > head / 2n) abort.abort(new Error('enough'))
      },
    })
    await expect(cut).rejects.toThrow('enough')
    const before = await rowsOf(store, orderSummary)
    const all = (await store.log.read({ after: 0n, upTo: head, limit: 100_000, categories: ['order'] })).events.length
    const { events } = await rebuildProjection(store, orderSummary)
    expect(events).toBeGreaterThan(0)
    expect(events).toBeLessThan(all * 0.75)
    expect(await rowsOf(store, orderSummary)).toEqual(before)
  })

  test.each([
    { batchSize: 7, maxChanged: 3, maxBytes: undefined },
    { batchSize: 50, maxChanged: 1000, maxBytes: 2000 },
    { batchSize: 13, maxChanged: 1, maxBytes: 1 },
  ])('however little memory it has, it gives the same rows: %o', async ({ batchSize, maxChanged, maxBytes }) => {
    const upTo = (await store.head()).position
    await projector.waitFor('customer-totals', upTo, { timeoutMs: 10_000 })
    const build = await prepareBuild(store, customerTotals, { shards: 1 })
    const checkpoint = await claimOrWait(store, customerTotals, `projection:${build.table}`, {
      ...{ owner: 'test', leaseMs: 10_000 },
    })
    const bounds = { empty: true, maxChanged, ...(maxBytes !== undefined && { maxBytes }) }
    const rows = new BuildRows(store, customerTotals, build.table, bounds)
    await copyLog(store, rows, checkpoint, { upTo, batchSize, writeAfterMs: 60_000 }, () => undefined)
    expect(checkpoint.place.position).toBe(upTo)
    const [built, live] = await Promise.all(
      [build.table, 'customer_totals'].map((table) =>
        database.pool.query(`select * from tidemark_read.${table} order by customer_id`),
      ),
    )
    expect(built!.rows).toEqual(live!.rows)
    await checkpoint.release()
    await inTransaction(database.pool, (client) => dropTable(on(store.database, client), build.table))
  })

  test.each([true, false])(
    'copies each row into a table that was empty once, and writes over it later: %s',
    async (empty) => {
      const { pool } = database
      const build = await prepareBuild(store, customerTotals, { shards: 1 })
      const upTo = (await store.head()).position
      const { events } = await store.log.read({ after: 0n, upTo, limit: 400, categories: ['order'] })
      const rows = new BuildRows(store, customerTotals, build.table, { empty, maxChanged: 1, maxBytes: 1 })
      const seen = new Set<string>()
      for (let from = 0; from < events.length; from += 20) {
        await rows.fold(events.slice(from, from + 20))
        const changes = rows.takeChanges()
        const [inserts, upserts] = [changes.inserts, changes.upserts].map((some) =>
          some.map((row) => row['customerId'] as string),
        )
        const isNew = (key: string) => empty && !seen.has(key)
        expect(inserts).toEqual(inserts!.filter(isNew))
        expect(upserts).toEqual(upserts!.filter((key) => !isNew(key)))
        for (const key of [...inserts!, ...upserts!]) seen.add(key)
        await inTransaction(pool, (client) => rows.write(client, changes))
        rows.written()
      }
      expect(seen.size).toBeGreaterThan(40)
      const { rows: written } = await pool.query(
        `select sum(orders)::integer as orders from tidemark_read.${build.table}`,
      )
      expect(written).toEqual([{ orders: events.filter(({ type }) => type === 'OrderPlaced').length }])
      await inTransaction(pool, (client) => dropTable(on(store.database, client), build.table))
    },
  )

  test('a new version with other columns goes live by a rebuild, and older code rests', async () => {
    const wider = (version: number) =>
      defineProjection({
        ...{ name: 'customer-totals', version, key: 'customerId' },
        schema: z.object({ customerId: z.string(), orders: z.int(), spent: z.number() }),
        keyOf: (event) => event.data.customerId,
        on: [
          Order,
          {
            OrderPlaced: (row, { data }) => ({
              customerId: data.customerId,
              orders: (row?.orders ?? 0) + 1,
              spent: (row?.spent ?? 0) + data.total,
            }),
          },
        ],
      })
    await expect(rebuildProjection(store, wider(1))).rejects.toThrow(SchemaChangedError)
    const newer = createProjector(store, [wider(2)], { watchIntervalMs: 50 })
    await newer.start()
    expect((await newer.status())[0]).toMatchObject({ state: 'failed', liveVersion: 1, version: 2 })
    expect((await newer.status())[0]?.error).toMatch(/run `tidemark projections rebuild customer-totals`/)
    await rebuildProjection(store, wider(2))
    const { position } = await place(store, 'wider', { customerId: 'c-wider', total: 7 })
    expect(await newer.waitFor('customer-totals', position, { timeoutMs: 5000 })).toBe('reached')
    expect((await rowsOf(store, wider(2))).find(({ customerId }) => customerId === 'c-wider')).toEqual({
      ...{ customerId: 'c-wider', orders: 1, spent: 7 },
    })
    await expect
      .poll(async () => (await projector.status()).find(({ name }) => name === 'customer-totals'))
      .toMatchObject({
        state: 'failed',
        liveVersion: 2,
        error: expect.stringContaining('deploy the newer code'),
      })
    await expect(rebuildProjection(store, customerTotals)).rejects.toThrow(VersionNotLiveError)
    await newer.stop()
  })

  test('drops a table that is in the middle of a batch, and no deadlock comes of it', async () => {
    await rebuildProjection(store, orderSummary)
    const { rows } = await database.pool.query<{ table_name: string }>(
      `select table_name from tidemark.projections where name = 'order-summary' and status = 'previous'`,
    )
    const previous = rows[0]?.table_name ?? 'none'
    // Past a pooler, whose connections the rebuild and the projector need.
    const [batch, watcher] = [new pg.Client(database.directUrl), new pg.Client(database.directUrl)]
    await Promise.all([batch.connect(), watcher.connect()])
    await batch.query('begin')
    await batch.query('select from tidemark.checkpoints where name = $1 for update', [`projection:${previous}`])
    const rebuilding = rebuildProjection(store, orderSummary)
    const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    await expect.poll(async () => (await watcher.query(waiting)).rowCount, { interval: 10 }).toBeGreaterThan(0)
    const startedAt = performance.now()
    await batch.query(`select from tidemark_read."${previous}"`)
    // A deadlock is found after a second.
    expect(performance.now() - startedAt).toBeLessThan(900)
    await batch.query('rollback')
    await Promise.all([batch.end(), watcher.end()])
    await rebuilding
    const left = await database.pool.query('select from tidemark.projections where table_name = $1', [previous])
    expect(left.rowCount).toBe(0)
  })

  test('that lost its build to another before it ends leaves alone what that one made of it', async () => {
    const table = (status: string) =>
      `(select table_name from tidemark.projections where name = 'order-summary' and status = '${status}')`
    const query = database.pool.query.bind(database.pool) as (config: unknown) => Promise<unknown>
    let taken = false
    const takeOver = async (config: unknown) => {
      const text = typeof config === 'string' ? config : (config as { text: string }).text
      if (text.startsWith('create index') && !taken) {
        taken = true
        await query(
          `update tidemark.checkpoints set owner_epoch = owner_epoch + 1 where name = 'projection:' || ${table('building')}`,
        )
      }
      return query(config)
    }
    Object.assign(database.pool, { query: takeOver })
    await expect(rebuildProjection(store, orderSummary, { promote: false })).rejects.toThrow(CheckpointLostError)
    Reflect.deleteProperty(database.pool, 'query')
    expect(taken).toBe(true)
    expect((await database.pool.query(`select ${table('building')} as building`)).rows).toEqual([
      { building: expect.any(String) },
    ])
    expect(await rebuildProjection(store, orderSummary, { leaseMs: 100 })).toMatchObject({ promoted: true })
  })

  test('does not wait for the shards of a build that is gone', async () => {
    const build = await prepareBuild(store, orderSummary, { shards: 2 })
    const [first, second] = [0, 1].map((shard) => `projection:${build.table}/${shard}`)
    await Checkpoint.claimExisting(store.database, second!, { owner: 'other', leaseMs: 60_000 })
    const rebuilding = rebuildProjection(store, orderSummary, { shards: 2 })
    const gone = expect(rebuilding).rejects.toThrow(RebuildRunningError)
    const isCopied = async () =>
      (await listCheckpoints(store.database, first)).some(({ position }) => position >= build.target)
    await expect.poll(isCopied, { timeout: 10_000 }).toBe(true)
    await inTransaction(database.pool, (client) => dropTable(on(store.database, client), build.table))
    await gone
  })

  test('an unrelated open transaction holds up nothing', async () => {
    const stranger = await database.pool.connect()
    await stranger.query('begin')
    await stranger.query('create table unrelated (n integer)')
    await placeMany(store, 'stranger', 30)
    const { durationMs } = await rebuildProjection(store, orderSummary)
    expect(durationMs).toBeLessThan(10_000)
    const ids = (await rowsOf(store, orderSummary)).map(({ orderId }) => orderId)
    expect(ids.filter((id) => id.startsWith('stranger-'))).toHaveLength(27)
    await stranger.query('rollback')
    stranger.release()
  })
})
