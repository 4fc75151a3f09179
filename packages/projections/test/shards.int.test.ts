import { setTimeout as sleep } from 'node:timers/promises'
import { createEventStore, type EventStore } from '@tidemark/eventstore'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  createProjector,
  diffProjection,
  rebuildProjection,
  RebuildRunningError,
  rollbackProjection,
  type Projector,
} from '../src/index.js'
import { claimOrWait, claimShard, prepareBuild } from '../src/build.js'
import { shardsOf } from '../src/names.js'
import { selectTables } from '../src/sql/registry-statements.js'
import { customerTotals, orderSummary } from './order.js'
import { placeMany, rowsOf } from './order-log.js'
import { useStoreDatabase } from './store-database.js'

const sharded = { ...orderSummary, shards: 4 }
const rowSharded = { ...customerTotals, shards: 3 }

describe('shards', () => {
  const database = useStoreDatabase({ max: 30 })
  let store: EventStore
  const projectors: Projector[] = []
  const stores: EventStore[] = []
  beforeAll(async () => {
    store = createEventStore(database.pool)
    await placeMany(store, 'first', 300)
  })
  afterEach(async () => {
    await Promise.all(projectors.splice(0).map((projector) => projector.stop()))
    await Promise.all(stores.splice(0).map((one) => one.close()))
  })
  afterAll(() => store.close())

  const start = async (own = store) => {
    const projector = createProjector(own, [sharded, rowSharded], { leaseMs: 2500, watchIntervalMs: 50, batchSize: 40 })
    projectors.push(projector)
    await projector.start()
    return projector
  }
  const caughtUp = async (projector: Projector) => {
    const { position } = await store.head()
    for (const { name } of [sharded, rowSharded])
      expect(await projector.waitFor(name, position, { timeoutMs: 10_000 })).toBe('reached')
  }
  /** How many owners share the checkpoints; undefined while one has two more than another, or some have none. */
  const owners = async () => {
    const { rows } = await database.pool.query<{ owner: string | null; shards: string }>(
      `select case when lease_until > clock_timestamp() then owner end as owner, count(*) as shards from tidemark.checkpoints group by 1`,
    )
    const shares = rows.map(({ shards }) => Number(shards))
    return rows.some(({ owner }) => owner === null) || Math.max(...shares) - Math.min(...shares) > 1
      ? undefined
      : rows.length
  }
  /** Built again in one piece, and compared. */
  const expectRight = async () => {
    for (const projection of [sharded, rowSharded]) {
      await rebuildProjection(store, projection, { promote: false })
      const { added, changed, removed, unchanged } = await diffProjection(store, projection)
      expect({ added, changed, removed }).toEqual({ added: 0, changed: 0, removed: 0 })
      expect(unchanged).toBeGreaterThan(0)
    }
  }

  test('of streams and of rows give what one piece gives, while orders keep coming', async () => {
    const projector = await start()
    await Promise.all([caughtUp(projector), placeMany(store, 'second', 300)])
    await caughtUp(projector)
    expect((await projector.status()).map(({ shards }) => shards)).toEqual([4, 3])
    expect(await rowsOf(store, sharded)).toHaveLength(540)
    await expectRight()
  })

  test('are shared out again when a process comes, goes, or dies', async () => {
    const first = await start()
    await expect.poll(owners, { timeout: 20_000 }).toBe(1)
    const other = createEventStore(database.pool)
    const second = await start(other)
    await expect.poll(owners, { timeout: 20_000 }).toBe(2)
    await placeMany(store, 'third', 200)
    await caughtUp(first)
    // Its heartbeat stops, as if its process had died; its subscriptions hang on to nothing.
    other.leases.close()
    await database.pool.query(`update tidemark.checkpoints set owner_epoch = owner_epoch + 1 where owner = (
      select owner from tidemark.checkpoints where name like 'projection:%/%' and owner is not null group by owner order by count(*) limit 1)`)
    await second.stop()
    await expect.poll(owners, { timeout: 20_000 }).toBe(1)
    await placeMany(store, 'fourth', 100)
    await caughtUp(first)
    await expectRight()
  })

  test('a build in several shards is one table, whose number of shards is the definition’s', async () => {
    const projector = await start()
    await caughtUp(projector)
    const before = await rowsOf(store, sharded)
    for (const shards of [1, 2, 5]) {
      const { rows, promoted } = await rebuildProjection(store, sharded, { shards, batchSize: 50 })
      expect({ rows, promoted }).toEqual({ rows: before.length, promoted: true })
      expect(await rowsOf(store, sharded)).toEqual(before)
      const live = (await selectTables(store.database, [sharded.name])).find(({ status }) => status === 'live')
      expect(live?.shards).toBe(4)
    }
    const totals = await rowsOf(store, rowSharded)
    await rebuildProjection(store, rowSharded, { shards: 3 })
    expect(await rowsOf(store, rowSharded)).toEqual(totals)
    await rollbackProjection(store, rowSharded)
    expect(await rowsOf(store, rowSharded)).toEqual(totals)
  })

  test('who follows a table that was dropped makes nothing of it anew, and no later table has its name', async () => {
    const { table } = await rebuildProjection(store, sharded, { promote: false })
    // It does not hear of the drop.
    const projector = createProjector(store, [sharded], { leaseMs: 300, watchIntervalMs: 600_000 })
    projectors.push(projector)
    await projector.start()
    const own = `projection:${table}/`
    const followed = async () =>
      (
        await database.pool.query(
          `select from tidemark.checkpoints where starts_with(name, $1) and owner is not null`,
          [own],
        )
      ).rowCount
    await expect.poll(followed).toBe(4)
    const again = await rebuildProjection(store, sharded, { promote: false })
    expect(again.table).not.toBe(table)
    await placeMany(store, 'dropped', 20)
    await sleep(1500)
    const { rows } = await database.pool.query(
      `select name from tidemark.checkpoints where name not in (
         select c from tidemark.projections p, tidemark.shard_checkpoints(p.table_name, p.shards) c)`,
    )
    expect(rows).toEqual([])
  })

  test('a call that joins begins nothing by itself', async () => {
    await rebuildProjection(store, sharded)
    const tables = async () => (await selectTables(store.database, [sharded.name])).map(({ table }) => table)
    const before = await tables()
    expect(await rebuildProjection(store, sharded, { join: true, shards: 4 })).toMatchObject({
      ...{ events: 0, table: undefined, promoted: false },
    })
    expect(await tables()).toEqual(before)
  })

  test('who comes to a build that went live meanwhile leaves its table alone', async () => {
    const projector = await start()
    await caughtUp(projector)
    for (const shards of [2, sharded.shards]) {
      const build = await prepareBuild(store, sharded, { shards })
      await rebuildProjection(store, sharded)
      await caughtUp(projector)
      const before = await rowsOf(store, sharded)
      const late = { owner: 'late', leaseMs: 1000 }
      await database.pool.query(`update tidemark.checkpoints set owner = null, lease_until = null`)
      for (const { checkpoint } of shardsOf(build.table, build.shards))
        await expect(claimOrWait(store, sharded, checkpoint, late)).rejects.toThrow(RebuildRunningError)
      expect(await claimShard(store, build, late)).toBeUndefined()
      const { rows } = await database.pool.query(
        `select name from tidemark.checkpoints where starts_with(name, $1) order by 1`,
        [`projection:${build.table}`],
      )
      expect(rows.map(({ name }: { name: string }) => name)).toEqual(
        shardsOf(build.table, sharded.shards).map(({ checkpoint }) => checkpoint),
      )
      expect(await rowsOf(store, sharded)).toEqual(before)
    }
  })

  test('several calls build one table together', async () => {
    const projector = await start()
    await caughtUp(projector)
    const before = await rowsOf(store, sharded)
    const options = { shards: 4, batchSize: 20, share: 0.5 }
    const leading = rebuildProjection(store, sharded, options)
    await expect
      .poll(async () =>
        (await selectTables(store.database, [sharded.name])).some(({ status }) => status === 'building'),
      )
      .toBe(true)
    const helpers = await Promise.all([1, 2].map(() => rebuildProjection(store, sharded, { ...options, join: true })))
    const led = await leading
    const all = (await store.log.read({ after: 0n, limit: 100_000, categories: ['order'] })).events.length
    expect(helpers.every(({ promoted }) => !promoted)).toBe(true)
    expect(led.events + helpers.reduce((sum, { events }) => sum + events, 0)).toBeLessThanOrEqual(all)
    expect(helpers.some(({ events }) => events > 0)).toBe(true)
    expect(await rowsOf(store, sharded)).toEqual(before)
  })
})
