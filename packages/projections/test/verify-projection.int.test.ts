import { createEventStore, defineAggregate, event, type EventStore } from '@tidemark/eventstore'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  blame,
  createProjector,
  defineProjection,
  HandlerFailedError,
  ProjectionDefinitionError,
  readModelOf,
  rebuildProjection,
  TableChangedError,
  TableMissingError,
  verifyProjection,
  type AnyProjection,
  type Projection,
  type RowKey,
  type VerifyResult,
} from '../src/index.js'
import { customerTotals, Order, orderSummary, Payment } from './order.js'
import { place, placeMany, rowsOf } from './order-log.js'
import { useStoreDatabase } from './store-database.js'

/** Two rows per event, and every kind of column: which of them go by customer, which by currency, is in the key. */
const turnovers = defineProjection({
  name: 'turnovers',
  version: 1,
  schema: z.object({
    id: z.string(),
    net: z.number(),
    cents: z.bigint(),
    orders: z.int(),
    last: z.date().nullable(),
    big: z.boolean(),
    note: z.string().optional(),
    detail: z.object({ zero: z.number(), by: z.record(z.string(), z.number()), gone: z.string().optional() }),
  }),
  key: 'id',
  keyOf: ({ data }) => [`customer/${data.customerId}`, `currency/${data.currency}`],
  on: [
    Order,
    {
      OrderPlaced: (row, { data, recordedAt, aggregateId }, key) => ({
        id: String(key),
        net: (row?.net ?? -0) - data.total / 3,
        cents: (row?.cents ?? 0n) + 900719925474099n,
        orders: (row?.orders ?? 0) + 1,
        last: recordedAt,
        big: data.total > 10,
        note: undefined,
        detail: { zero: -0, by: { [aggregateId]: 0.1 + data.total, of: 1 }, gone: undefined },
      }),
    },
  ],
})

/** One row of two streams with the same id. */
const both = defineProjection({
  name: 'both',
  version: 1,
  schema: z.object({ id: z.string(), steps: z.array(z.string()) }),
  key: 'id',
  on: [
    [Order, Payment],
    {
      OrderPlaced: (row, { aggregateId }) => ({ id: aggregateId, steps: [...(row?.steps ?? []), 'placed'] }),
      PaymentTaken: (row, { aggregateId }) => ({ id: aggregateId, steps: [...(row?.steps ?? []), 'paid'] }),
      OrderShipped: (row, { aggregateId }) => ({ id: aggregateId, steps: [...(row?.steps ?? []), 'shipped'] }),
    },
  ],
})

const keysOf = ({ drifted }: VerifyResult) => drifted.map(({ key }) => key).sort()
const clean = { drifted: [], driftedRows: 0, healed: 0, unverifiable: [], unverifiableRows: 0 }

const upcasting = useStoreDatabase()

describe('verifyProjection', () => {
  const database = useStoreDatabase()
  let store: EventStore
  const sql = (text: string, values: unknown[] = []) => database.pool.query(text, values)
  beforeAll(() => {
    store = createEventStore(database.pool, { pollIntervalMs: 20 })
  })
  afterAll(() => store.close())

  /** Brings read models to the head, with nobody following them afterwards. */
  async function build(...projections: readonly AnyProjection[]): Promise<void> {
    const projector = createProjector(store, projections)
    await projector.start()
    const { position } = await store.head()
    for (const { name } of projections) {
      expect(await projector.waitFor(name, position, { timeoutMs: 20_000 })).toBe('reached')
    }
    await projector.stop()
  }

  describe('of rows that follow their streams', () => {
    beforeAll(async () => {
      await placeMany(store, 'o', 1300)
      await build(orderSummary)
    })
    beforeEach(() => rebuildProjection(store, orderSummary))

    test('finds nothing where nothing is wrong, deleted rows included', async () => {
      expect(await verifyProjection(store, orderSummary, { all: true })).toMatchObject({ ...clean, checked: 1300 })
      const { checked, ...sampled } = await verifyProjection(store, orderSummary)
      expect(sampled).toMatchObject(clean)
      expect(checked).toBeGreaterThan(600)
      expect(checked).toBeLessThanOrEqual(1000)
    })

    test('finds exactly the rows that were tampered with, and heals them', async () => {
      await sql(`update tidemark_read.order_summary set total = total + 0.25 where order_id = 'o-1'`)
      await sql(`update tidemark_read.order_summary set tracking_id = 'x' where order_id = 'o-2'`)
      await sql(`update tidemark_read.order_summary set placed_at = placed_at + interval '1 ms' where order_id = 'o-4'`)
      await sql(`delete from tidemark_read.order_summary where order_id = 'o-999'`)
      await sql(`
        insert into tidemark_read.order_summary (order_id, customer_id, status, total, currency, placed_at)
        values ('o-10', 'c', 'placed', 1, 'EUR', now()), ('zzz', 'c', 'placed', 1, 'EUR', now()), ('', 'c', 'placed', 1, 'EUR', now())`)
      const found = await verifyProjection(store, orderSummary, { all: true })
      expect(keysOf(found)).toEqual(['', 'o-1', 'o-10', 'o-2', 'o-4', 'o-999', 'zzz'])
      expect(found).toMatchObject({ checked: 1302, driftedRows: 7, healed: 0, position: (await store.head()).position })
      const byKey = new Map(found.drifted.map((drift) => [drift.key, drift]))
      expect(byKey.get('o-1')).toMatchObject({
        columns: ['total'],
        expected: { total: 0.25 },
        actual: { total: 0.5 },
        healed: false,
      })
      expect(byKey.get('o-2')).toMatchObject({ columns: ['trackingId'], actual: { trackingId: 'x' } })
      expect(byKey.get('o-2')?.expected).not.toHaveProperty('trackingId')
      expect(byKey.get('o-4')?.columns).toEqual(['placedAt'])
      expect(byKey.get('o-999')).toMatchObject({ actual: null, expected: { orderId: 'o-999', status: 'shipped' } })
      expect(byKey.get('zzz')).toMatchObject({ actual: { orderId: 'zzz' }, expected: null })

      const some = await verifyProjection(store, orderSummary, { keys: ['o-1', 'o-3', 'nobody', 'o-1'] })
      expect({ keys: keysOf(some), checked: some.checked }).toEqual({ keys: ['o-1'], checked: 3 })

      const healed = await verifyProjection(store, orderSummary, { all: true, heal: true })
      expect(healed).toMatchObject({ driftedRows: 7, healed: 7 })
      expect(healed.drifted.every((drift) => drift.healed)).toBe(true)
      const rows = await rowsOf(store, orderSummary)
      expect(await verifyProjection(store, orderSummary, { all: true })).toMatchObject(clean)
      await rebuildProjection(store, orderSummary)
      expect(await rowsOf(store, orderSummary)).toEqual(rows)
    })

    test('samples rows, and keys of the log whose rows are missing', async () => {
      await sql(`update tidemark_read.order_summary set total = -1`)
      const changed = await verifyProjection(store, orderSummary, { sample: 40 })
      expect(changed.driftedRows).toBeGreaterThanOrEqual(20)
      expect(changed.checked).toBeLessThanOrEqual(40)
      await sql(`delete from tidemark_read.order_summary`)
      const missing = await verifyProjection(store, orderSummary, { sample: 200 })
      expect(missing.drifted.filter(({ expected, actual }) => expected && !actual).length).toBeGreaterThan(100)
      expect(new Set(keysOf(missing)).size).toBe(missing.driftedRows)
    })

    test('tells how far it is, ends at the signal, and takes one kind of choice', async () => {
      const seen: number[] = []
      await verifyProjection(store, orderSummary, { all: true, onProgress: ({ checked }) => seen.push(checked) })
      expect(seen).toEqual([500, 1000, 1300])
      const abort = new AbortController()
      const ended = verifyProjection(store, orderSummary, {
        ...{ all: true, signal: abort.signal },
        onProgress: () => abort.abort(new Error('enough')),
      })
      await expect(ended).rejects.toThrow('enough')
      await expect(verifyProjection(store, orderSummary, { all: true, sample: 3 })).rejects.toThrow(
        ProjectionDefinitionError,
      )
      const nowhere = { ...orderSummary, name: 'nowhere' }
      await expect(verifyProjection(store, nowhere)).rejects.toThrow(TableMissingError)
    })

    test('lists a thousand rows and counts the others', async () => {
      await sql(`update tidemark_read.order_summary set total = -1`)
      const found = await verifyProjection(store, orderSummary, { all: true })
      expect(found.drifted).toHaveLength(1000)
      expect(found.driftedRows).toBe(1170)
    })
  })

  test('a row of several streams is folded in the order of the log', async () => {
    for (let index = 0; index < 5; index++) {
      const id = `both-${index}`
      await place(store, id, { customerId: 'c', total: 1 })
      const taken = { type: 'PaymentTaken', data: { customerId: 'c', amount: 1 } } as const
      await store.append(Payment, id, [taken], { expectedVersion: 'any' })
      const shipped = { type: 'OrderShipped', data: { trackingId: 't' } } as const
      await store.append(Order, id, [shipped], { expectedVersion: 'any' })
    }
    await store.append(Payment, 'only', [{ type: 'PaymentTaken', data: { customerId: 'c', amount: 1 } }], {
      expectedVersion: 'any',
    })
    await build(both)
    expect(await verifyProjection(store, both, { all: true })).toMatchObject(clean)
    await sql(`update tidemark_read.both set steps = '["placed","shipped","paid"]' where id = 'both-3'`)
    await sql(`delete from tidemark_read.both where id = 'only'`)
    expect(keysOf(await verifyProjection(store, both, { all: true }))).toEqual(['both-3', 'only'])

    // More than a page of keys, and of events; of one category all are above those of the other.
    await placeMany(store, 'page', 700)
    const taken = { type: 'PaymentTaken', data: { customerId: 'c', amount: 1 } } as const
    for (let index = 0; index < 300; index++) {
      await store.append(Payment, `z-${index}`, [taken], { expectedVersion: 'any' })
    }
    await rebuildProjection(store, both)
    expect(await verifyProjection(store, both, { all: true })).toMatchObject(clean)
    const { rowCount } = await sql('delete from tidemark_read.both')
    expect(rowCount).toBeGreaterThan(1000)
    expect((await verifyProjection(store, both, { all: true })).driftedRows).toBe(rowCount)
  })

  describe('of rows that events choose', () => {
    beforeAll(async () => {
      await placeMany(store, 'k', 300)
      for (let index = 0; index < 400; index++) {
        await place(store, `many-${index}`, { customerId: `m-${index}`, total: 0.1 * index })
      }
      await build(turnovers, customerTotals)
    })
    const tables = [turnovers, customerTotals] as const

    test.each(tables.map((projection) => [projection.name, projection] as const))(
      '%s has no drift, in one pass or in many',
      async (_, projection) => {
        const calls: number[] = []
        const verify = async (maxBytes?: number) => {
          const onProgress = () => calls.push(maxBytes ?? 0)
          const scope = { all: true, onProgress, ...(maxBytes && { maxBytes }) } as const
          return verifyProjection(store, projection, scope)
        }
        const whole = await verify()
        expect(whole).toMatchObject(clean)
        expect(await verify(20_000)).toEqual(whole)
        // The log is read once per pass.
        expect(calls.filter((bytes) => bytes > 0).length).toBeGreaterThan(
          calls.filter((bytes) => bytes === 0).length + 3,
        )
      },
    )

    test.each([undefined, 20_000])('finds what was tampered with, and heals it, within %s bytes', async (maxBytes) => {
      const view = 'tidemark_read.turnovers'
      await sql(`update ${view} set cents = cents + 1 where id = 'customer/m-1'`)
      await sql(
        `update ${view} set detail = jsonb_set(detail, '{by,many-2}', '0.3000000000000001') where id = 'customer/m-2'`,
      )
      await sql(`update ${view} set last = null where id = 'customer/m-3'`)
      await sql(`update ${view} set note = '' where id = 'customer/m-4'`)
      await sql(`delete from ${view} where id in ('customer/m-5', 'currency/EUR')`)
      await sql(`insert into ${view} select 'nobody', net, cents, orders, last, big, note, detail from ${view} limit 1`)
      const scope = { all: true, ...(maxBytes && { maxBytes }) } as const
      const found = await verifyProjection(store, turnovers, scope)
      expect(found.drifted.map(({ key, columns }) => [key, columns.join()]).sort()).toEqual([
        ['currency/EUR', 'id,net,cents,orders,last,big,note,detail'],
        ['customer/m-1', 'cents'],
        ['customer/m-2', 'detail'],
        ['customer/m-3', 'last'],
        ['customer/m-4', 'note'],
        ['customer/m-5', 'id,net,cents,orders,last,big,note,detail'],
        ['nobody', 'id,net,cents,orders,last,big,note,detail'],
      ])
      const chosen = await verifyProjection(store, turnovers, { keys: ['customer/m-5', 'customer/m-6'], heal: true })
      expect(chosen).toMatchObject({ checked: 2, driftedRows: 1, healed: 1, drifted: [{ key: 'customer/m-5' }] })
      expect(await verifyProjection(store, turnovers, { ...scope, heal: true })).toMatchObject({ healed: 6 })
      expect(await verifyProjection(store, turnovers, scope)).toMatchObject(clean)
    })

    test('JSON whose properties stand in another order is the same', async () => {
      const { rowCount } = await sql(
        `update tidemark_read.turnovers set detail = detail::text::jsonb || '{"zero": 0.0}'`,
      )
      expect(rowCount).toBeGreaterThan(400)
      expect(await verifyProjection(store, turnovers, { all: true })).toMatchObject(clean)
      expect(await verifyProjection(store, turnovers, { sample: 300 })).toMatchObject(clean)
    })
  })

  test('an event that the handlers of today cannot fold is an error, not drift', async () => {
    const strict = defineProjection({
      ...{ name: 'strict', version: 1, key: 'id', schema: z.object({ id: z.string(), total: z.number() }) },
      on: [Order, { OrderPlaced: (_row, { aggregateId, data }) => ({ id: aggregateId, total: data.total }) }],
    })
    await place(store, 'unfoldable', { customerId: 'c', total: 1 })
    await build(strict)
    const broken = defineProjection({
      ...{ name: 'strict', version: 1, key: 'id', schema: z.object({ id: z.string(), total: z.number() }) },
      on: [
        Order,
        {
          OrderPlaced: () => {
            throw new Error('not this one')
          },
        },
      ],
    })
    await expect(verifyProjection(store, broken, { keys: ['unfoldable'] })).rejects.toThrow(HandlerFailedError)
  })
})

describe('verifyProjection and truncated streams', () => {
  const database = useStoreDatabase()
  let store: EventStore
  beforeAll(async () => {
    store = createEventStore(database.pool, { pollIntervalMs: 20 })
    const projector = createProjector(store, [both, customerTotals])
    await projector.start()
    for (const id of ['cut', 'whole']) {
      await place(store, id, { customerId: `of-${id}`, total: 1 })
      const shipped = { type: 'OrderShipped', data: { trackingId: 't' } } as const
      await store.append(Order, id, [shipped], { expectedVersion: 1 })
    }
    const { position } = await store.head()
    for (const name of ['both', 'customer-totals']) {
      expect(await projector.waitFor(name, position, { timeoutMs: 10_000 })).toBe('reached')
    }
    await projector.stop()
    await store.truncateStream('order-cut', { beforeVersion: 2, withoutSnapshot: true })
  })
  afterAll(() => store.close())

  test('cannot be folded again: they are no drift, and are not healed', async () => {
    const unverifiable = [{ key: 'cut', truncatedStreams: ['order-cut'] }]
    const before = await rowsOf(store, both)
    for (const scope of [{ all: true }, { keys: ['cut', 'whole'] }, { sample: 10 }] as const) {
      const found = await verifyProjection(store, both, { ...scope, heal: true })
      expect(found).toMatchObject({ ...clean, checked: 2, unverifiable, unverifiableRows: 1 })
    }
    expect(await rowsOf(store, both)).toEqual(before)
    await database.pool.query(`delete from tidemark_read.both where id = 'whole'`)
    expect(await verifyProjection(store, both, { all: true, heal: true })).toMatchObject({ unverifiable, healed: 1 })
  })

  test('where events choose their rows, what agrees with the events that are left is verified', async () => {
    const found = await verifyProjection(store, customerTotals, { all: true, heal: true })
    expect(found).toMatchObject({
      ...{ ...clean, checked: 2, unverifiableRows: 1 },
      unverifiable: [{ key: 'of-cut', truncatedStreams: ['order-cut'] }],
    })
  })
})

describe('verifyProjection and events that were set aside', () => {
  const database = useStoreDatabase()
  let store: EventStore
  beforeAll(() => {
    store = createEventStore(database.pool, { pollIntervalMs: 20 })
  })
  afterAll(() => store.close())

  /** Fails on one order, and on one whose rows it cannot even tell. */
  const failing = (name: string, policy: 'park' | 'skip', keyed: boolean, shards: number) =>
    defineProjection({
      ...{ name, version: 1, key: 'id' as const, shards, poison: { policy, retries: 0 } },
      schema: z.object({ id: z.string(), steps: z.array(z.string()) }),
      ...(keyed && {
        keyOf: ({ aggregateId, type }: { readonly aggregateId: string; readonly type: string }) => {
          if (aggregateId === 'unkeyed' && type === 'OrderShipped') throw new Error('whose is it?')
          return [`all-${aggregateId.length}`, aggregateId]
        },
      }),
      on: [
        Order,
        {
          OrderPlaced: (row, _event, key) => ({ id: String(key), steps: [...(row?.steps ?? []), 'placed'] }),
          OrderShipped: (row, { data }, key) => {
            if (data.trackingId === 'bad') throw new Error('not this one')
            return { id: String(key), steps: [...(row?.steps ?? []), data.trackingId] }
          },
        },
      ],
    })

  test('rows are compared without them, and healed without them', async () => {
    const projections = (['park', 'skip'] as const).flatMap((policy) => [
      failing(`stream-${policy}`, policy, false, 1),
      failing(`stream-shards-${policy}`, policy, false, 2),
      failing(`key-${policy}`, policy, true, 1),
      failing(`key-shards-${policy}`, policy, true, 3),
    ])
    for (const id of ['one', 'two', 'unkeyed', 'three', 'seven']) {
      await place(store, id, { customerId: 'c', total: 1 })
      for (const trackingId of ['good', id === 'two' ? 'bad' : 'fine', 'last']) {
        await store.append(Order, id, [{ type: 'OrderShipped', data: { trackingId } }], { expectedVersion: 'any' })
      }
    }
    const projector = createProjector(store, projections)
    await projector.start()
    const { position } = await store.head()
    for (const { name } of projections) {
      expect(await projector.waitFor(name, position, { timeoutMs: 20_000 })).toBe('reached')
    }
    await projector.stop()
    for (const projection of projections) {
      const { view } = readModelOf(store, projection)
      expect(await verifyProjection(store, projection, { all: true })).toMatchObject(clean)
      const before = await rowsOf(store, projection)
      const { rows } = await database.pool.query<{ id: string }>(
        `update ${view} set steps = '[]' where id in ('two', 'seven') returning id`,
      )
      await database.pool.query(`delete from ${view} where id = 'one'`)
      const healed = await verifyProjection(store, projection, { all: true, heal: true })
      expect(keysOf(healed)).toEqual(['one', ...rows.map(({ id }) => id)].sort())
      expect(await rowsOf(store, projection)).toEqual(before)
      // Where one event is parked by several shards, the order of theirs decides how much of the stream waits.
      if (projection.shards === 1) {
        const last = projection.poison.policy === 'skip' ? ['last'] : []
        expect(before.find(({ id }) => id === 'two')?.steps).toEqual(['placed', 'good', ...last])
      }
      expect(await verifyProjection(store, projection, { keys: ['one', 'two', 'all-3'] })).toMatchObject(clean)
    }
    // As if they were redriven while the log is read.
    const [, , keyed] = projections
    let gone: Promise<unknown> | undefined
    const changed = verifyProjection(store, keyed!, {
      ...{ keys: Array.from({ length: 6000 }, (_, index) => `k-${index}`) },
      onProgress: () => void (gone ??= database.pool.query('delete from tidemark.parked_events')),
    })
    await expect(changed).rejects.toThrow(TableChangedError)
    await gone
    // Without its record, an event that fails is an error.
    for (const projection of projections) {
      await expect(verifyProjection(store, projection, { all: true })).rejects.toThrow(HandlerFailedError)
    }
  })
})

test('an event that cannot even be upcast is left out where it was set aside, and else is an error', async () => {
  const Parcel = defineAggregate({
    name: 'parcel',
    initialState: () => ({}),
    events: {
      Sent: event(z.object({ to: z.string() }), {
        version: 2,
        upcast: {
          1: () => {
            throw new Error('nobody knows where to')
          },
        },
      }),
    },
    evolve: { Sent: (state) => state },
    commands: () => ({}),
  })
  const schema = z.object({ id: z.string(), to: z.string() })
  const row = (_: unknown, { data }: { readonly data: { readonly to: string } }, key: RowKey) => ({
    id: String(key),
    to: data.to,
  })
  const on = [Parcel, { Sent: row }] as const
  const rules = { version: 1, schema, key: 'id' as const, poison: { policy: 'park', retries: 0 } as const }
  const byStream = defineProjection({ ...rules, name: 'by-stream', on })
  const byTown = defineProjection({ ...rules, name: 'by-town', on, keyOf: ({ data }) => data.to })
  const store = createEventStore(upcasting.pool, { pollIntervalMs: 20 })
  for (const [version, to] of ['here', 'there', 'here'].entries()) {
    const sent = { type: 'Sent', data: { to }, schemaVersion: version === 1 ? 1 : 2 }
    await store.appendToStream(`parcel-${version}`, [sent], { expectedVersion: 0 })
  }
  const projector = createProjector(store, [byStream, byTown])
  await projector.start()
  const { position } = await store.head()
  for (const projection of [byStream, byTown] as readonly Projection[]) {
    expect(await projector.waitFor(projection.name, position, { timeoutMs: 20_000 })).toBe('reached')
    expect(await verifyProjection(store, projection, { all: true })).toMatchObject(clean)
  }
  await projector.stop()
  await upcasting.pool.query('delete from tidemark.parked_events')
  for (const projection of [byStream, byTown] as readonly Projection[]) {
    await expect(verifyProjection(store, projection, { all: true })).rejects.toThrow(HandlerFailedError)
    await expect(blame(store, projection, '1')).rejects.toThrow(HandlerFailedError)
  }
  await store.close()
})

describe('verifyProjection beside a running projector', () => {
  // One connection is enough for a verification, a heal included.
  const database = useStoreDatabase()
  const single = { max: 1 }
  let store: EventStore
  afterEach(() => store.close())

  test('finds no drift in 50 rounds of concurrent appends', async () => {
    store = createEventStore(database.pool, { pollIntervalMs: 5 })
    const sharded = [orderSummary, turnovers, both].map((each: Projection) => ({
      ...each,
      name: `sharded-${each.name}`,
      shards: 3,
    }))
    const followed: readonly Projection[] = [orderSummary, turnovers, ...sharded]
    const projector = createProjector(store, followed, { batchSize: 7 })
    await projector.start()
    let running = true
    let appended = 0
    // As many as come with each look: appends by time would make the log, and each look at it, longer the slower the looks are.
    let allowed = 0
    const appender = async (name: string) => {
      for (let index = 0; running;) {
        await new Promise((resolve) => setTimeout(resolve, 10))
        if (appended >= allowed) continue
        appended++
        const id = `${name}-${index % 20}`
        const data = { customerId: `c-${index % 5}`, total: index, currency: index % 2 ? 'EUR' : 'USD' }
        const type = index++ % 7 === 6 ? 'OrderForgotten' : 'OrderPlaced'
        await store.append(Order, id, [type === 'OrderPlaced' ? { type, data } : { type, data: {} }], {
          expectedVersion: 'any',
        })
      }
    }
    const appenders = ['a', 'b', 'c'].map(appender)
    const positions = new Set<bigint>()
    for (let round = 0; round < 50; round++) {
      for (const projection of followed) {
        allowed = appended + 10
        const scope = round % 2 ? ({ all: true } as const) : { sample: 60 }
        const found = await verifyProjection(store, projection, { ...scope, heal: round % 5 === 0 })
        expect(found).toMatchObject(clean)
        positions.add(found.position)
      }
    }
    running = false
    await Promise.all(appenders)
    await projector.stop()
    expect(positions.size).toBeGreaterThan(50)
    expect(appended).toBeGreaterThan(500)
  }, 240_000)

  test('heals while the projector goes on, and what it writes is right', async () => {
    store = createEventStore(database.pool, { pollIntervalMs: 5 })
    const projector = createProjector(store, [turnovers], { batchSize: 5 })
    await projector.start()
    let running = true
    const appending = (async () => {
      for (let index = 0; running; index++) {
        await place(store, `healed-${index}`, { customerId: `h-${index % 3}`, total: 1 })
      }
    })()
    for (let round = 0; round < 20; round++) {
      // As a slip of somebody's hand would: between two batches.
      await database.pool.query(`update tidemark_read.turnovers set orders = orders + 1 where id = 'customer/h-1'`)
      const found = await verifyProjection(store, turnovers, { keys: ['customer/h-1', 'customer/h-2'], heal: true })
      expect(found.drifted.every(({ healed }) => healed)).toBe(true)
      expect(found.drifted.every(({ key }) => key === 'customer/h-1')).toBe(true)
    }
    running = false
    await appending
    const { position } = await store.head()
    expect(await projector.waitFor('turnovers', position, { timeoutMs: 20_000 })).toBe('reached')
    await projector.stop()
    expect(await verifyProjection(store, turnovers, { all: true })).toMatchObject(clean)
  })

  test('a heal waits for a batch in work, and needs no second connection', async () => {
    store = createEventStore(database.pool, { pollIntervalMs: 5 })
    await place(store, 'slow', { customerId: 'c', total: 1 })
    await rebuildProjection(store, orderSummary)
    const { rows } = await database.pool.query<{ name: string }>(
      `select 'projection:' || table_name as name from tidemark.projections where name = 'order-summary' and status = 'live'`,
    )
    await database.pool.query(`update tidemark_read.order_summary set total = 5 where order_id = 'slow'`)
    // A projector that has the next event in work: checkpoint first, then the row, which it read before.
    const batch = await database.pool.connect()
    const shipped = { type: 'OrderShipped', data: { trackingId: 't' } } as const
    const { position } = await store.append(Order, 'slow', [shipped], { expectedVersion: 1 })
    await batch.query('begin')
    await batch.query('update tidemark.checkpoints set position = $1 where name = $2', [position, rows[0]?.name])
    const alone = new (await import('pg')).default.Pool({ connectionString: database.url, ...single })
    const aloneStore = createEventStore(alone, { listen: false })
    const healing = verifyProjection(aloneStore, orderSummary, { keys: ['slow'], heal: true })
    await new Promise((resolve) => setTimeout(resolve, 300))
    await batch.query(
      `update tidemark_read.order_summary set total = 5, status = 'shipped', tracking_id = 't' where order_id = 'slow'`,
    )
    await batch.query('commit')
    batch.release()
    expect(await healing).toMatchObject({ healed: 1, drifted: [{ columns: ['total'] }] })
    expect(await verifyProjection(aloneStore, orderSummary, { keys: ['slow'] })).toMatchObject(clean)
    expect((await rowsOf(aloneStore, orderSummary)).find(({ orderId }) => orderId === 'slow')).toMatchObject({
      ...{ total: 1, status: 'shipped' },
    })
    await aloneStore.close()
    await alone.end()
  })
})
