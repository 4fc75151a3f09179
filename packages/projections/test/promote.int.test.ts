import { createEventStore, type EventStore } from '@tidemark/eventstore'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  createProjector,
  defineProjection,
  diffProjection,
  NoSuchTableError,
  NotComparableError,
  pauseProjection,
  promoteProjection,
  rebuildProjection,
  resumeProjection,
  rollbackProjection,
  TableBehindError,
  type Projector,
} from '../src/index.js'
import { selectTables } from '../src/sql/registry-statements.js'
import { Order } from './order.js'
import { place, placeMany, rowsOf } from './order-log.js'
import { useStoreDatabase } from './store-database.js'

const Spending = z.object({ customerId: z.string(), spent: z.number() })

/** Counts in cents from version 2 on, with one more column. */
const spendingIn = (version: number, factor: number) =>
  defineProjection({
    ...{ name: 'spending', version, schema: Spending, key: 'customerId' },
    keyOf: (event) => event.data.customerId,
    on: [
      Order,
      {
        OrderPlaced: (row, { data }) => ({
          customerId: data.customerId,
          spent: (row?.spent ?? 0) + data.total * factor,
        }),
      },
    ],
  })
const spending = spendingIn(1, 1)
const inCents = defineProjection({
  ...{ name: 'spending', version: 2, key: 'customerId' },
  schema: Spending.extend({ orders: z.int() }),
  keyOf: (event) => event.data.customerId,
  on: [
    Order,
    {
      OrderPlaced: (row, { data }) =>
        data.customerId === 'c-0'
          ? null
          : {
              customerId: data.customerId,
              spent: (row?.spent ?? 0) + (data.customerId === 'c-1' ? data.total * 100 : data.total),
              orders: (row?.orders ?? 0) + 1,
            },
    },
  ],
})

describe('a table that was built beside the live one', () => {
  const database = useStoreDatabase()
  let store: EventStore
  let old: Projector
  beforeAll(async () => {
    store = createEventStore(database.pool)
    await placeMany(store, 'first', 200)
    old = createProjector(store, [spending], { watchIntervalMs: 50 })
    await old.start()
    await old.waitFor('spending', (await store.head()).position, { timeoutMs: 10_000 })
  })
  afterAll(async () => {
    await old.stop()
    await store.close()
  })
  const tables = async () =>
    (await selectTables(store.database, ['spending'])).map(({ table, status }) => `${table} ${status}`)
  const position = async (table: string) =>
    (await selectTables(store.database, ['spending'])).find((each) => each.table === table)?.position

  test('there is nothing to promote, to compare with or to go back to before one was built', async () => {
    await expect(promoteProjection(store, spending)).rejects.toThrow(NoSuchTableError)
    await expect(diffProjection(store, spending)).rejects.toThrow(/rebuild spending --no-promote/)
    await expect(rollbackProjection(store, spending)).rejects.toThrow(/no earlier table/)
  })

  test('waits to be promoted, and follows the log of its own accord', async () => {
    const { promoted, rows, table } = await rebuildProjection(store, spending, { promote: false })
    expect({ promoted, rows, table }).toEqual({ promoted: false, rows: 50, table: 'spending_v1_2' })
    expect(await tables()).toEqual(['spending_v1_1 live', 'spending_v1_2 built'])
    const { position: to } = await place(store, 'follows', { customerId: 'c-7', total: 1 })
    await expect.poll(() => position('spending_v1_2'), { timeout: 5000 }).toBe(to)
  })

  test('differs in nothing where the code is the same, also while orders keep coming', async () => {
    let appending = true
    const appender = (async () => {
      for (let index = 0; appending; index++)
        await place(store, `meanwhile-${index}`, { customerId: `c-${index % 5}`, total: 1 })
    })()
    for (let round = 0; round < 5; round++) {
      const { added, removed, changed, unchanged, live, other } = await diffProjection(store, spending)
      expect({ added, removed, changed, unchanged }).toEqual({ added: 0, removed: 0, changed: 0, unchanged: 50 })
      expect({ live, other }).toEqual({ live: 'spending_v1_1', other: 'spending_v1_2' })
    }
    appending = false
    await appender
  })

  test('shows what a new version adds, changes and takes away', async () => {
    await rebuildProjection(store, inCents, { promote: false })
    const diff = await diffProjection(store, inCents, { sample: 5 })
    expect(diff).toMatchObject({ added: 0, removed: 1, changed: 1, unchanged: 48 })
    expect(diff).toMatchObject({ changedByColumn: { spent: 1 }, addedColumns: ['orders'], removedColumns: [] })
    expect(diff.sample.map(({ key }) => key)).toEqual(['c-0', 'c-1'])
    expect(diff.sample[0]).toMatchObject({ before: { customer_id: 'c-0' }, after: undefined })
    const [before, after] = [diff.sample[1]?.before?.['spent'], diff.sample[1]?.after?.['spent']]
    expect(after).toBeCloseTo(Number(before) * 100)
  })

  test('goes live, and the old one follows on until it is live again', async () => {
    const before = await rowsOf(store, spending)
    expect(await promoteProjection(store, inCents)).toEqual({
      ...{ table: 'spending_v2_3', version: 2, previousTable: 'spending_v1_1', previousVersion: 1 },
    })
    expect((await rowsOf(store, inCents))[0]).toMatchObject({ orders: expect.any(Number) })
    const newer = createProjector(store, [inCents], { watchIntervalMs: 50 })
    await newer.start()
    const { position: to } = await place(store, 'after-promote', { customerId: 'c-9', total: 5 })
    expect(await newer.waitFor('spending', to, { timeoutMs: 5000 })).toBe('reached')
    await expect.poll(() => position('spending_v1_1'), { timeout: 5000 }).toBe(to)
    // With the code of the new version, whose table the other one is not.
    expect(await rollbackProjection(store, inCents)).toMatchObject({ table: 'spending_v1_1', version: 1 })
    const after = await rowsOf(store, spending)
    const spentOf = (rows: typeof after) => rows.find(({ customerId }) => customerId === 'c-9')?.spent ?? 0
    expect(spentOf(after)).toBe(spentOf(before) + 5)
    expect(await tables()).toEqual(['spending_v2_3 previous', 'spending_v1_1 live'])
    expect(await rollbackProjection(store, inCents)).toMatchObject({ table: 'spending_v2_3' })
    await newer.stop()
  })

  test('does not go live when it is behind and nobody here has its code', async () => {
    await old.stop()
    await place(store, 'nobody-follows', { customerId: 'c-9', total: 5 })
    const newer = createProjector(store, [inCents], { watchIntervalMs: 50 })
    await newer.start()
    await newer.waitFor('spending', (await store.head()).position, { timeoutMs: 5000 })
    await expect(rollbackProjection(store, inCents)).rejects.toThrow(TableBehindError)
    await expect(diffProjection(store, inCents, { with: 'previous', waitMs: 100 })).rejects.toThrow(NotComparableError)
    expect(await tables()).toEqual(['spending_v1_1 previous', 'spending_v2_3 live'])
    // Its own code brings it up by itself.
    await rollbackProjection(store, spending)
    expect((await diffProjection(store, spending, { with: 'previous' })).changedByColumn).toEqual({ spent: 1 })
    await newer.stop()
  })

  test('100 promotes and rollbacks under appends lose nothing and go back for no reader', async () => {
    await rebuildProjection(store, spending)
    const projector = createProjector(store, [spending], { watchIntervalMs: 20 })
    await projector.start()
    let going = true
    let appended = 0
    const appender = (async () => {
      while (going) await place(store, `hundred-${appended++}`, { customerId: 'c-hundred', total: 1 })
    })()
    let most = 0
    let backwards = 0
    const reader = (async () => {
      while (going) {
        const { rows } = await database.pool.query<{ spent: number }>(
          `select spent from tidemark_read.spending where customer_id = 'c-hundred'`,
        )
        const spent = rows[0]?.spent ?? 0
        if (spent < most) backwards++
        most = Math.max(most, spent)
      }
    })()
    for (let round = 0; round < 100; round++) await rollbackProjection(store, spending)
    going = false
    await Promise.all([appender, reader])
    expect(await projector.waitFor('spending', (await store.head()).position, { timeoutMs: 10_000 })).toBe('reached')
    const row = (await rowsOf(store, spending)).find(({ customerId }) => customerId === 'c-hundred')
    expect({ spent: row?.spent, backwards }).toEqual({ spent: appended, backwards: 0 })
    expect((await diffProjection(store, spending, { with: 'previous' })).changed).toBe(0)
    await projector.stop()
  }, 60_000)

  test('stands still while it is paused, whoever runs it, and goes on from there', async () => {
    const projector = createProjector(store, [spending], { watchIntervalMs: 50 })
    await projector.start()
    await projector.waitFor('spending', (await store.head()).position, { timeoutMs: 5000 })
    expect(await pauseProjection(store, spending, 'a look at the rows')).toBe(true)
    expect(await pauseProjection(store, spending, 'again')).toBe(false)
    const { position: to } = await place(store, 'paused', { customerId: 'c-paused', total: 1 })
    expect(await projector.waitFor('spending', to, { timeoutMs: 300 })).toBe('behind')
    expect((await projector.status())[0]).toMatchObject({
      state: 'paused',
      error: 'paused: a look at the rows',
      lag: 1n,
    })
    expect(await resumeProjection(store, spending)).toBe(true)
    expect(await resumeProjection(store, spending)).toBe(false)
    expect(await projector.waitFor('spending', to, { timeoutMs: 5000 })).toBe('reached')
    await projector.stop()
  })
})
