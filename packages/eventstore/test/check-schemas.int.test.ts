import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  checkSchemas,
  ConfigurationError,
  createEventStore,
  defineAggregate,
  event,
  listSchemas,
  SchemaIncompatibleError,
  type EventStore,
} from '../src/index.js'
import { Counter } from './counter.js'
import { useStoreDatabase } from './store-database.js'

/** An order with one event of this schema, and one that never changes. */
const orderOf = (schema: z.ZodType, version = 1) =>
  defineAggregate({
    ...{ name: 'order', initialState: () => ({}), commands: () => ({}) },
    events: {
      OrderPlaced: event(schema, { version, upcast: { 1: (v1) => v1, 2: (v2) => v2 } }),
      OrderShipped: event(z.object({})),
    },
    evolve: { OrderPlaced: (state) => state, OrderShipped: (state) => state },
  })
const Total = z.object({ total: z.number() })
const TextTotal = z.object({ total: z.string() })

describe('checkSchemas', () => {
  const database = useStoreDatabase({ max: 20 })
  let store: EventStore
  beforeAll(() => {
    store = createEventStore(database.pool, { listen: false })
  })
  beforeEach(() => database.pool.query('truncate tidemark.event_schemas'))
  afterAll(() => store.close())
  const registered = async () =>
    (await listSchemas(store)).map(
      ({ category, type, schemaVersion, revision, compatibility }) =>
        `${category}.${type} v${schemaVersion}/${revision} ${compatibility}`,
    )

  test('registers what is new, once, and accepts it from then on', async () => {
    const checks = await checkSchemas(store, [orderOf(Total), Counter])
    expect(checks.map(({ type, status }) => [type, status])).toEqual([
      ['OrderPlaced', 'new'],
      ['OrderShipped', 'new'],
      ['Added', 'new'],
      ['Reset', 'new'],
    ])
    const again = await checkSchemas(store, [orderOf(Total.describe('with a comment')), Counter])
    expect(new Set(again.map(({ status }) => status))).toEqual(new Set(['unchanged']))
    expect((await registered()).toSorted()).toEqual([
      'counter.Added v1/1 backward',
      'counter.Reset v1/1 backward',
      'order.OrderPlaced v1/1 backward',
      'order.OrderShipped v1/1 backward',
    ])
    const [first] = await listSchemas(store, ['order'])
    expect(first).toMatchObject({ type: 'OrderPlaced', schema: { properties: { total: { type: 'number' } } } })
    expect(Math.abs(first!.registeredAt.getTime() - Date.now())).toBeLessThan(60_000)
  })

  test('refuses the accident: another schema under the same version, with every place and what to do', async () => {
    const OrderNow = orderOf(z.object({ total: z.string(), note: z.string() }))
    await checkSchemas(store, [orderOf(Total)])
    const before = await registered()
    const error: unknown = await checkSchemas(store, [Counter, OrderNow]).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(SchemaIncompatibleError)
    expect(error).toMatchObject({
      code: 'EVENTSTORE_SCHEMA_INCOMPATIBLE',
      retryable: false,
      events: [
        {
          ...{ category: 'order', type: 'OrderPlaced', schemaVersion: 1, status: 'incompatible' },
          differences: [
            { direction: 'backward', path: '$.note', expected: 'string', found: 'nothing' },
            { direction: 'backward', path: '$.total', expected: 'string', found: 'number' },
          ],
        },
      ],
    })
    expect((error as Error).message).toBe(
      'event order.OrderPlaced version 1 is incompatible with what was registered ($.note must be string, and stored events may have nothing, $.total must be string, and stored events may have number): raise the version of the event and add an upcaster',
    )
    // Not even what was fine.
    expect(await registered()).toEqual(before)
  })

  test('accepts the remedy, and the older release beside it', async () => {
    await checkSchemas(store, [orderOf(Total)])
    const [raised] = await checkSchemas(store, [orderOf(TextTotal, 2)])
    expect(raised?.status).toBe('raised')
    const [older] = await checkSchemas(store, [orderOf(Total)], { compatibility: 'full' })
    expect(older?.status).toBe('older')
    const forward = checkSchemas(store, [orderOf(TextTotal.extend({ more: z.int() }), 3)], { compatibility: 'full' })
    await expect(forward).rejects.toThrow(/\$ must be schema version 2 for older code/)
    await expect(forward).rejects.toThrow(/check with compatibility "backward"$/)
    expect((await registered()).filter((row) => row.includes('Placed'))).toEqual([
      'order.OrderPlaced v1/1 backward',
      'order.OrderPlaced v2/1 backward',
    ])
  })

  test('keeps every compatible revision, and starts anew where nothing was asked', async () => {
    await checkSchemas(store, [orderOf(Total)], { compatibility: 'full' })
    await checkSchemas(store, [orderOf(Total.extend({ note: z.string().optional() }))], { compatibility: 'full' })
    await checkSchemas(store, [orderOf(TextTotal)], { compatibility: 'none' })
    expect((await registered()).filter((row) => row.includes('Placed'))).toEqual([
      'order.OrderPlaced v1/1 full',
      'order.OrderPlaced v1/2 full',
      'order.OrderPlaced v1/3 none',
    ])
    const [check] = await checkSchemas(store, [orderOf(TextTotal.extend({ note: z.int().optional() }))])
    expect(check?.status).toBe('compatible')
  })

  test('only looks when it may not register', async () => {
    const [check] = await checkSchemas(store, [orderOf(Total)], { register: false })
    expect(check?.status).toBe('new')
    expect(await registered()).toEqual([])
  })

  test('refuses two aggregates of one name', async () => {
    await expect(checkSchemas(store, [Counter, Counter])).rejects.toThrow(ConfigurationError)
  })

  test('ten programs that start at once register once; of two releases that exclude each other one starts', async () => {
    const pools = Array.from({ length: 10 }, () => new pg.Pool({ connectionString: database.url, max: 2 }))
    const stores = pools.map((pool) => createEventStore(pool, { listen: false }))
    try {
      await Promise.all(stores.map((each) => checkSchemas(each, [orderOf(Total), Counter])))
      expect((await registered()).toSorted()).toHaveLength(4)
      await database.pool.query('truncate tidemark.event_schemas')
      const outcomes = await Promise.allSettled(
        stores.map((each, index) => checkSchemas(each, [orderOf(index % 2 === 0 ? Total : TextTotal)])),
      )
      const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []))
      expect(errors).toHaveLength(5)
      for (const error of errors) expect(error).toBeInstanceOf(SchemaIncompatibleError)
      expect(await registered()).toHaveLength(2)
    } finally {
      await Promise.all(stores.map((each) => each.close()))
      await Promise.all(pools.map((pool) => pool.end()))
    }
  })

  test('a writer may register, and change nothing that is registered', async () => {
    const client = await database.pool.connect()
    try {
      await client.query('begin; set local role tidemark_writer')
      await client.query(
        `insert into tidemark.event_schemas (category, type, schema_version, revision, json_schema, compatibility)
         values ('a', 'B', 1, 1, '{}', 'none')`,
      )
      await expect(client.query(`update tidemark.event_schemas set json_schema = '{}'`)).rejects.toMatchObject({
        code: '42501',
      })
    } finally {
      await client.query('rollback')
      client.release()
    }
  })
})
