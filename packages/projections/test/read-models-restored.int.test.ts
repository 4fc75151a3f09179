import { createEventStore, LogMismatchError, type EventStore } from '@tidemark/eventstore'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  createProjector,
  promoteProjection,
  readModelsIn,
  rebuildProjection,
  type Projector,
  type ReadModelStore,
} from '../src/index.js'
import { customerTotals } from './order.js'
import { place, rowsOf } from './order-log.js'
import { readModelSchema, useReadModelDatabase } from './read-model-database.js'
import { useStoreDatabase } from './store-database.js'

/** One of the databases goes back to an earlier moment, and the other does not. */
describe('read models and a log that were restored independently', () => {
  const logDatabase = useStoreDatabase()
  const readDatabase = useReadModelDatabase()
  let store: EventStore
  let readModels: ReadModelStore
  let projector: Projector
  let round = 0
  beforeAll(async () => {
    store = createEventStore(logDatabase.pool, { pollIntervalMs: 50 })
    readModels = await readModelsIn(store, readDatabase.pool, { schema: readModelSchema })
  })
  beforeEach(async () => {
    round++
    await start()
    await placeSome('before', 10)
    await caughtUp()
  })
  afterEach(() => projector.stop())
  afterAll(() => store.close())

  const start = async () => {
    projector = createProjector(readModels, [customerTotals], { leaseMs: 1000, watchIntervalMs: 50 })
    await projector.start()
  }
  const placeSome = async (prefix: string, count: number) => {
    for (let index = 0; index < count; index++)
      await place(store, `${prefix}-${round}-${index}`, { customerId: `c-${round}`, total: 1 })
  }
  const caughtUp = async () => {
    const { position } = await readModels.head()
    expect(await projector.waitFor('customer-totals', position, { timeoutMs: 10_000 })).toBe('reached')
  }
  const ordersNow = async () =>
    (await rowsOf(readModels, customerTotals)).find(({ customerId }) => customerId === `c-${round}`)?.orders
  const failure = async () => {
    const [status] = await projector.status()
    return status?.state === 'failed' ? status.error : undefined
  }
  /** Takes the last events back as a restore does, and stores others in their place, all at once: no connection breaks. */
  const restoreLog = async (lost: number, refilled = 0) => {
    const { position } = await readModels.head()
    const last = position - BigInt(lost)
    const others = Array.from(
      { length: refilled },
      (_, index) =>
        `insert into tidemark.events (stream_id, version, id, schema_version, type, data, metadata)
           values ('order-other-${round}-${index}', 1, gen_random_uuid(), 2, 'OrderPlaced', '{"customerId":"c-${round}","total":1,"currency":"EUR"}', '{}');`,
    )
    await logDatabase.pool.query(`begin; lock table tidemark.events;
      delete from tidemark.events where position > ${last};
      select setval('tidemark.events_position_seq', ${last});
      ${others.join('\n')} commit`)
    return last
  }
  /** What the runbook demands; the row of this round is right again afterwards. */
  const recover = async (last: bigint, orders: number) => {
    await projector.stop()
    const { epoch } = await store.newEpoch({ reason: 'restored by a test' })
    const moved = await readModels.rewind(last)
    expect(moved.length).toBeGreaterThan(0)
    for (const { to } of moved) expect(to).toBeLessThanOrEqual(last)
    expect(await readModels.rewind(last)).toEqual([])
    await rebuildProjection(readModels, customerTotals)
    await start()
    await placeSome('after', 1)
    await caughtUp()
    expect(await ordersNow()).toBe(orders + 1)
    expect(await store.log.epoch()).toBe(epoch)
  }

  test('a log that ends earlier is noticed while nothing is appended', async () => {
    const last = await restoreLog(5)
    await expect.poll(failure, { timeout: 10_000 }).toMatch(/the log ends at position/)
    await recover(last, 5)
  })

  test('a log that has other events in the place of the lost ones is noticed at the next event', async () => {
    const last = await restoreLog(5, 8)
    await expect.poll(failure, { timeout: 10_000 }).toMatch(/is not where it was/)
    // Nothing of it is in the rows.
    expect(await ordersNow()).toBe(10)
    await recover(last, 13)
  })

  test('a log that was restored while nobody followed it is noticed at the start', async () => {
    await projector.stop()
    const last = await restoreLog(5, 20)
    await start()
    await expect.poll(failure, { timeout: 10_000 }).toMatch(/is not where it was/)
    expect(await ordersNow()).toBe(10)
    await recover(last, 25)
  })

  test('a table is not promoted over a log that is behind it', async () => {
    await rebuildProjection(readModels, customerTotals, { promote: false })
    await projector.stop()
    const last = await restoreLog(5)
    await expect(promoteProjection(readModels, customerTotals)).rejects.toThrow(LogMismatchError)
    // The lease of the one that was refused is free again.
    await expect(rebuildProjection(readModels, customerTotals)).rejects.toThrow(LogMismatchError)
    await recover(last, 5)
  })

  test('after a new epoch nobody is told that a place in the lost log is one in the new log', async () => {
    await projector.stop()
    const last = await restoreLog(5)
    await store.newEpoch({ reason: 'restored by a test' })
    const { position } = await place(store, `token-${round}`, { customerId: `c-${round}`, total: 1 })
    const waiter = createProjector(readModels, [customerTotals])
    expect(await waiter.waitFor('customer-totals', position, { timeoutMs: 300 })).toBe('behind')
    await waiter.stop()
    await recover(last, 6)
  })

  test('read models that go back just follow again', async () => {
    const tables = ['reads.checkpoints', 'reads_read.customer_totals_v1_1']
    const { rows } = await readDatabase.pool.query<{ table_name: string }>(
      `select table_name from reads.projections where name = 'customer-totals' and status = 'live'`,
    )
    const live = `reads_read.${rows[0]!.table_name}`
    tables[1] = live
    for (const table of tables)
      await readDatabase.pool.query(`create table saved_${tables.indexOf(table)} as table ${table}`)
    await placeSome('lost', 5)
    await caughtUp()
    expect(await ordersNow()).toBe(15)
    const back = tables.map((table, index) => `delete from ${table}; insert into ${table} table saved_${index};`)
    await readDatabase.pool.query(`begin; ${back.join('\n')} commit`)
    expect(await ordersNow()).toBe(10)
    await placeSome('more', 1)
    await expect.poll(ordersNow, { timeout: 20_000 }).toBe(16)
  })
})
