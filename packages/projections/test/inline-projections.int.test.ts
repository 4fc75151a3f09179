import {
  createEventStore,
  DatabaseError,
  defineAggregate,
  event,
  inTransaction,
  VersionConflictError,
  type EventStore,
} from '@tidemark/eventstore'
import { createFaultProxy } from '@tidemark/test-servers'
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  createProjector,
  defineHandler,
  defineProjection,
  diffProjection,
  HandlerFailedError,
  inlineProjections,
  InvalidRowError,
  listProjections,
  ProjectionDefinitionError,
  promoteProjection,
  rebuildProjection,
  rollbackProjection,
  verifyProjection,
  VersionNotLiveError,
  type Projection,
} from '../src/index.js'
import { Order, orderSummary, Payment } from './order.js'
import { compareKeys } from '../src/verify/compare-keys.js'
import type { Refold } from '../src/verify/refold.js'
import { StreamRefold } from '../src/verify/stream-refold.js'
import { expectFoldOfLog } from './expect-fold-of-log.js'
import { orderLedger, placed } from './order-ledger.js'
import { rowsOf } from './order-log.js'
import { useStoreDatabase } from './store-database.js'

const inline = () => inlineProjections([orderLedger])
const any = { expectedVersion: 'any' } as const

describe('an inline projection', () => {
  const database = useStoreDatabase({ max: 20 })
  let store: EventStore
  beforeAll(async () => {
    store = createEventStore(database.pool, { inline: inline(), listen: false })
    await store.prepare()
  })
  afterAll(() => store.close())

  const rowOf = async (id: string) => (await rowsOf(store, orderLedger)).find(({ orderId }) => orderId === id)
  const liveTable = async () => (await listProjections(store, [orderLedger]))[0]!.table!
  const place = (id: string, total = 1) => store.append(Order, id, [placed(total)], any)

  test('shows an event as soon as its append is done, as the log has it', async () => {
    const { position } = await place('a-1', 7)
    const [stored] = await store.readStream('order-a-1')
    expect(await rowOf('a-1')).toMatchObject({
      events: 1,
      total: 7,
      lastPosition: position,
      lastAt: stored!.recordedAt,
    })
    await store.append(Order, 'a-1', [{ type: 'OrderShipped', data: { trackingId: 't' } }, placed(9), placed(8)], any)
    expect(await rowOf('a-1')).toMatchObject({ events: 4, total: 8 })
    await store.append(Order, 'a-1', [{ type: 'OrderForgotten', data: {} }], { expectedVersion: 4n })
    expect(await rowOf('a-1')).toBeUndefined()
    await expectFoldOfLog(store)
  })

  test('upcasts what is appended at an older version of its schema', async () => {
    const old = { type: 'OrderPlaced', schemaVersion: 1, data: { customerId: 'c', total: 5 } }
    const summary = createEventStore(database.pool, { inline: inlineProjections([orderSummary]), listen: false })
    await summary.appendToStream('order-old', [old], any)
    expect((await rowsOf(summary, orderSummary)).find(({ orderId }) => orderId === 'old')).toMatchObject({
      currency: 'EUR',
    })
    await summary.close()
    // That store left the ledger out.
    await rebuildProjection(store, orderLedger)
    await expectFoldOfLog(store)
  })

  test('in one group a call that it refuses fails alone, and nothing of it is stored', async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 32 }, (_, n) =>
        store.append(Order, `group-${n}`, [placed(1), placed(n === 7 ? 666 : n === 11 ? 1001 : n)], {
          expectedVersion: 'no-stream',
        }),
      ),
    )
    const failed = outcomes.flatMap((outcome, n) =>
      outcome.status === 'rejected' ? [[n, outcome.reason] as const] : [],
    )
    expect(failed.map(([n]) => n)).toEqual([7, 11])
    expect(failed[0]![1]).toBeInstanceOf(HandlerFailedError)
    expect(failed[1]![1]).toBeInstanceOf(InvalidRowError)
    expect(failed[1]![1]).toMatchObject({ path: '$.total', key: 'group-11' })
    for (const n of [7, 11]) {
      expect(await store.readStream(`order-group-${n}`)).toEqual([])
      expect(await rowOf(`group-${n}`)).toBeUndefined()
    }
    await expectFoldOfLog(store)
  })

  test('a group stays a group', async () => {
    await Promise.all(Array.from({ length: 64 }, (_, n) => place(`together-${n}`)))
    const { rows } = await database.pool.query<{ transactions: string; rows: string }>(`
      select count(distinct e.xmin::text) as transactions, count(distinct r.xmin::text) as rows
        from tidemark.events e join tidemark_read.order_ledger_v1_2 r on e.stream_id = 'order-' || r.order_id
       where e.stream_id like 'order-together-%'`)
    expect(Number(rows[0]!.transactions)).toBeLessThanOrEqual(4)
    expect(rows[0]!.rows).toBe(rows[0]!.transactions)
  })

  test('events that it is not about are appended without it', async () => {
    await store.append(Payment, 'p-1', [{ type: 'PaymentTaken', data: { customerId: 'c', amount: 1 } }], any)
    await store.append(Order, 'seen', [{ type: 'OrderSeen', data: {} }], any)
    expect(await rowOf('seen')).toBeUndefined()
    await Promise.all([
      store.append(Order, 'seen', [{ type: 'OrderSeen', data: {} }], any),
      store.append(Payment, 'p-1', [{ type: 'PaymentTaken', data: { customerId: 'c', amount: 1 } }], any),
      place('seen-too'),
    ])
    expect(await rowOf('seen-too')).toMatchObject({ events: 1 })
  })

  test('the same ids again apply nothing again, on whichever way', async () => {
    const ids = [randomUUID(), randomUUID(), randomUUID()]
    const another = randomUUID()
    const events = ids.map((id) => placed(3, id))
    const none = { expectedVersion: 'no-stream' } as const
    const part = { streamId: 'order-again', events, aggregate: Order, ...none }
    await store.append(Order, 'again', events, none)
    expect((await store.append(Order, 'again', events, none)).duplicate).toBe(true)
    expect((await store.appendToStreams([part]))[0]!.duplicate).toBe(true)
    await inTransaction(database.pool, async (transaction) => {
      expect((await store.append(Order, 'again', events, { ...none, transaction })).duplicate).toBe(true)
      expect((await store.appendToStreams([part], { transaction }))[0]!.duplicate).toBe(true)
    })
    const twice = () => Promise.all([1, 2, 3].map(() => store.append(Order, 'again-once', [placed(4, another)], any)))
    await twice()
    await twice()
    expect(await rowOf('again')).toMatchObject({ events: 3 })
    expect(await rowOf('again-once')).toMatchObject({ events: 1 })
  })

  test('a reply to COMMIT that is lost is not taken for a failure, and the fold is applied once', async () => {
    const { hostname, port } = new URL(database.url)
    const proxy = await createFaultProxy({ target: { host: hostname, port: Number(port) } })
    const url = new URL(database.url)
    url.port = String(proxy.port)
    const pool = new pg.Pool({ connectionString: url.href })
    const unlucky = createEventStore(pool, { inline: inline(), listen: false })
    await unlucky.prepare()
    for (const n of [1, 2, 3]) {
      proxy.dropWhen({ direction: 'down', when: 'COMMIT\0' })
      const expectedVersion = n === 1 ? 'no-stream' : BigInt(n - 1)
      const { duplicate } = await unlucky.append(Order, 'lost-reply', [placed()], { expectedVersion })
      expect(duplicate).toBe(true)
      expect(await rowOf('lost-reply')).toMatchObject({ events: n })
    }
    await unlucky.close()
    await pool.end()
    await proxy.close()
  })

  test('several streams: all rows or none', async () => {
    const part = (id: string, total: number, expectedVersion: bigint | 'any' = 'any') => ({
      ...{ streamId: `order-${id}`, aggregate: Order, expectedVersion, events: [placed(total)] },
    })
    await store.appendToStreams([
      part('s-1', 1),
      part('s-2', 2),
      { streamId: 'order-s-3', expectedVersion: 'no-stream', events: [] },
    ])
    expect([await rowOf('s-1'), await rowOf('s-2')]).toMatchObject([{ total: 1 }, { total: 2 }])
    await expect(store.appendToStreams([part('s-1', 3), part('s-2', 4, 7n)])).rejects.toBeInstanceOf(
      VersionConflictError,
    )
    await expect(store.appendToStreams([part('s-1', 3), part('s-2', 666)])).rejects.toBeInstanceOf(HandlerFailedError)
    expect([await rowOf('s-1'), await rowOf('s-2')]).toMatchObject([{ events: 1 }, { events: 1 }])
    await expectFoldOfLog(store)
  })

  test("the caller's own transaction: seen within it, by others once it commits, and gone when it is rolled back", async () => {
    const client = await database.pool.connect()
    const inside = async (id: string) =>
      (await client.query('select events from tidemark_read.order_ledger where order_id = $1', [id])).rows[0] as unknown
    await client.query('begin')
    await store.append(Order, 'own', [placed()], { ...any, transaction: client })
    await store.append(Order, 'own', [placed()], { ...any, transaction: client })
    expect(await inside('own')).toEqual({ events: '2' })
    expect(await rowOf('own')).toBeUndefined()
    // One that is refused leaves the transaction usable, and nothing behind.
    await expect(store.append(Order, 'own', [placed(666)], { ...any, transaction: client })).rejects.toBeInstanceOf(
      HandlerFailedError,
    )
    await expect(
      store.appendToStreams([{ streamId: 'order-own', aggregate: Order, events: [placed(1001)], ...any }], {
        transaction: client,
      }),
    ).rejects.toBeInstanceOf(InvalidRowError)
    await client.query('commit')
    expect(await rowOf('own')).toMatchObject({ events: 2 })
    await client.query('begin')
    await store.append(Order, 'own', [placed()], { ...any, transaction: client })
    expect(await inside('own')).toEqual({ events: '3' })
    await client.query('rollback')
    expect(await rowOf('own')).toMatchObject({ events: 2 })
    await client.query('begin isolation level repeatable read')
    await expect(store.append(Order, 'own', [placed()], { ...any, transaction: client })).rejects.toThrow(DatabaseError)
    await client.query('rollback')
    client.release()
    await expectFoldOfLog(store)
  })

  test('rows equal the fold of the log under 32 callers on 50 streams over two stores', async () => {
    const other = createEventStore(database.pool, { inline: inline(), listen: false })
    const stores = [store, other]
    let refused = 0
    await Promise.all(
      Array.from({ length: 32 }, async (_, caller) => {
        for (let n = 0; n < 30; n++) {
          const id = `busy-${(caller * 7 + n * 13) % 50}`
          const from = stores[(caller + n) % 2]!
          const { version } = n % 4 === 0 ? await from.load(Order, id) : { version: 'any' as const }
          const total = n % 17 === 5 ? 666 : n
          const events =
            n % 9 === 8 ? [{ type: 'OrderForgotten' as const, data: {} }] : [placed(total), placed(n)].slice(n % 2)
          await from
            .append(Order, id, events, { expectedVersion: version === 0n ? 'no-stream' : version })
            .catch((error: unknown) => {
              if (!(error instanceof VersionConflictError || error instanceof HandlerFailedError)) throw error
              refused++
            })
        }
      }),
    )
    expect(refused).toBeGreaterThan(0)
    expect(refused).toBeLessThan(500)
    expect(await expectFoldOfLog(store)).toBeGreaterThan(40)
    await other.close()
  })

  test('one hot stream from two stores: no event is lost or counted twice', async () => {
    const other = createEventStore(database.pool, { inline: inline(), listen: false })
    await Promise.all(
      Array.from({ length: 640 }, async (_, n) => {
        await new Promise((resolve) => setTimeout(resolve, n % 40))
        await (n % 2 ? store : other).append(Order, 'hot', [placed(n)], any)
      }),
    )
    expect(await rowOf('hot')).toMatchObject({ events: 640 })
    await expectFoldOfLog(store)
    await other.close()
  })

  test('a rebuild under appends loses nothing, and never shows less', async () => {
    const other = createEventStore(database.pool, { inline: inline(), listen: false })
    let appending = true
    let n = 0
    const appenders = Array.from({ length: 8 }, async (_, caller) => {
      while (appending) {
        const id = `during-${n++ % 20}`
        if (caller === 0)
          await inTransaction(database.pool, (transaction) =>
            store.append(Order, id, [placed()], { ...any, transaction }),
          )
        else await (caller % 2 ? store : other).append(Order, id, [placed()], any)
      }
    })
    let most = 0
    let backwards = 0
    const reader = (async () => {
      while (appending) {
        const { rows } = await database.pool.query<{ events: string | null }>(
          'select sum(events) as events from tidemark_read.order_ledger',
        )
        if (Number(rows[0]?.events) < most) backwards++
        most = Math.max(most, Number(rows[0]?.events))
      }
    })()
    for (let round = 0; round < 6; round++) {
      const { position } = await store.head()
      // Some keep the rows as they are, all but a few: it must be known which events those have.
      await rebuildProjection(store, orderLedger, { batchSize: 100, ...(round % 2 && { from: position }) })
    }
    appending = false
    await Promise.all([...appenders, reader])
    expect(backwards).toBe(0)
    await expectFoldOfLog(store)
    await other.close()
  })

  test('a projector leaves it alone, and says that it is up to date', async () => {
    const projector = createProjector(store, [orderLedger], { watchIntervalMs: 20 })
    await projector.start()
    const { position } = await place('projected')
    expect(await projector.waitFor('order-ledger', position, { timeoutMs: 5000 })).toBe('reached')
    const [status] = await projector.status()
    expect(status).toMatchObject({
      state: 'running',
      lag: 0n,
      error: undefined,
      position: (await store.head()).position,
    })
    await expectFoldOfLog(store)
    await projector.stop()
  })

  test('it is handed to a projector and back under appends, and applied once by either', async () => {
    const projector = createProjector(store, [orderLedger], { watchIntervalMs: 20 })
    await projector.start()
    const underAppends = async (work: () => Promise<void>) => {
      let appending = true
      let n = 0
      const appenders = Array.from({ length: 4 }, async () => {
        while (appending) await place(`handed-${n++ % 10}`)
      })
      await work()
      await new Promise((resolve) => setTimeout(resolve, 100))
      appending = false
      await Promise.all(appenders)
    }
    await underAppends(async () => void (await rebuildProjection(store, orderLedger, { keptBy: 'projector' })))
    const { position } = await place('handed-over')
    expect(await projector.waitFor('order-ledger', position, { timeoutMs: 10_000 })).toBe('reached')
    await expectFoldOfLog(store)
    const fresh = createEventStore(database.pool, { inline: inline(), listen: false })
    await underAppends(() => fresh.prepare())
    await fresh.append(Order, 'handed-back', [placed()], any)
    expect(await rowOf('handed-back')).toMatchObject({ events: 1 })
    await expectFoldOfLog(store)
    await fresh.close()
    await projector.stop()
  })

  test('it is compared, promoted and rolled back under appends, beside a projector', async () => {
    const projector = createProjector(store, [orderLedger], { watchIntervalMs: 20 })
    await projector.start()
    let appending = true
    let n = 0
    const appenders = Array.from({ length: 4 }, async () => {
      while (appending) await place(`aside-${n++ % 10}`)
    })
    await rebuildProjection(store, orderLedger, { promote: false })
    expect(await diffProjection(store, orderLedger)).toMatchObject({ added: 0, changed: 0, removed: 0 })
    await promoteProjection(store, orderLedger)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await diffProjection(store, orderLedger, { with: 'previous' })).toMatchObject({
      ...{ added: 0, changed: 0, removed: 0 },
    })
    await rollbackProjection(store, orderLedger)
    await new Promise((resolve) => setTimeout(resolve, 100))
    await rollbackProjection(store, orderLedger)
    appending = false
    await Promise.all(appenders)
    await expectFoldOfLog(store)
    await place('aside-0')
    await expectFoldOfLog(store)
    await projector.stop()
  })

  test('it is verified under appends, which finds what a program without it left out, and heals it', async () => {
    let appending = true
    let n = 0
    const appenders = Array.from({ length: 4 }, async () => {
      while (appending) await place(`verified-${n++ % 10}`)
    })
    const found = await verifyProjection(store, orderLedger, { all: true })
    expect(found).toMatchObject({ driftedRows: 0, unverifiableRows: 0 })
    expect(found.checked).toBeGreaterThan(100)
    const plain = createEventStore(database.pool, { listen: false })
    await plain.append(Order, 'left-out', [placed()], any)
    await plain.close()
    const healed = await verifyProjection(store, orderLedger, { all: true, heal: true })
    expect(healed.drifted.map(({ key }) => key)).toEqual(['left-out'])
    expect(healed.healed).toBe(1)
    for (let round = 0; round < 5; round++) {
      const table = await liveTable()
      // Without the lock an append that has read the row already would write over it.
      await database.pool.query(`begin;
        select tidemark.exclude_inline('order-ledger');
        update tidemark_read.${table} set events = 0 where order_id = 'verified-3';
        commit`)
      expect(await verifyProjection(store, orderLedger, { keys: ['verified-3'], heal: true })).toMatchObject({
        healed: 1,
      })
    }
    appending = false
    await Promise.all(appenders)
    await expectFoldOfLog(store)
  })

  test('an append that commits below others while its row is verified is no drift', async () => {
    const open = await database.pool.connect()
    await open.query('begin')
    await store.append(Order, 'below', [placed()], { ...any, transaction: open })
    await place('above')
    const refold = new StreamRefold(store, orderLedger, undefined)
    const committing: Refold = {
      upTo: async (...args) => {
        await open.query('commit')
        return refold.upTo(...args)
      },
    }
    expect((await compareKeys(store, orderLedger, committing, ['below', 'above'])).drifted).toEqual([])
    open.release()
    expect((await compareKeys(store, orderLedger, refold, ['below', 'above'])).drifted).toEqual([])
  })

  test('it holds up no truncation', async () => {
    for (let n = 0; n < 4; n++) await place('long')
    const truncate = { beforeVersion: 3n, reason: 'test', withoutSnapshot: true, dryRun: true }
    await expect(store.truncateStream('order-long', truncate)).resolves.toBeDefined()
  })

  test('while another version is live appends that it is about are refused', async () => {
    const { kind, ...definition } = orderLedger
    const next = createEventStore(database.pool, {
      inline: inlineProjections([{ kind, ...definition, version: 2 }]),
      listen: false,
    })
    await expect(next.append(Order, 'next', [placed()], any)).rejects.toBeInstanceOf(VersionNotLiveError)
    expect(await next.readStream('order-next')).toEqual([])
    await rebuildProjection(next, { kind, ...definition, version: 2 })
    await next.append(Order, 'next', [placed()], any)
    await expect(place('next')).rejects.toBeInstanceOf(VersionNotLiveError)
    expect(await rowOf('next')).toMatchObject({ events: 1 })
    await next.close()
  })
})

describe('a log that is there already', () => {
  const database = useStoreDatabase({ max: 30 })

  test('is folded in first, whatever is appended meanwhile', async () => {
    const plain = createEventStore(database.pool, { listen: false })
    await Promise.all(
      Array.from({ length: 3000 }, (_, n) => plain.append(Order, `o-${n % 200}`, [placed(n % 600)], any)),
    )
    // Followed by a projector until now.
    const projector = createProjector(plain, [orderLedger], { watchIntervalMs: 20 })
    await projector.start()
    // Holds the switch up, as an inline appender does.
    const holder = await database.pool.connect()
    await holder.query('begin')
    await holder.query(`select from tidemark.enter_inline('{order-ledger}')`)
    const stores = [1, 2].map(() => createEventStore(database.pool, { inline: inline(), listen: false }))
    const first = stores.flatMap((store) => [
      store.prepare(),
      ...[1, 2].map((n) => store.append(Order, `o-${n}`, [placed()], any)),
    ])
    const until = performance.now() + 1500
    await Promise.all(
      Array.from({ length: 16 }, async (_, caller) => {
        for (let n = 0; performance.now() < until; n++)
          await plain.append(Order, `o-${(caller * 11 + n) % 200}`, [placed(n % 600)], any)
      }),
    )
    // A transaction that began without the option, before the switch, and ends during it.
    const open = await database.pool.connect()
    await open.query('begin')
    await plain.append(Order, 'open', [placed()], { ...any, transaction: open })
    await holder.query('commit')
    holder.release()
    await new Promise((resolve) => setTimeout(resolve, 600))
    await open.query('commit')
    open.release()
    await Promise.all(first)
    await Promise.all(Array.from({ length: 100 }, (_, n) => stores[n % 2]!.append(Order, `o-${n}`, [placed()], any)))
    expect(await expectFoldOfLog(plain)).toBe(201)
    await projector.stop()
    for (const store of [plain, ...stores]) await store.close()
  })

  test("is not built within a caller's own transaction, which it may have to wait for", async () => {
    const other = { ...orderLedger, name: 'other-ledger' } as Projection
    const store = createEventStore(database.pool, { inline: inlineProjections([other]), listen: false })
    await inTransaction(database.pool, async (transaction) => {
      await expect(store.append(Order, 'early', [placed()], { ...any, transaction })).rejects.toThrow(
        /store\.prepare\(\)/,
      )
    })
    await store.prepare()
    await inTransaction(database.pool, (transaction) =>
      store.append(Order, 'early', [placed()], { ...any, transaction }),
    )
    expect((await rowsOf(store, other)).find((row) => row['orderId'] === 'early')).toMatchObject({ events: 1 })
    await store.close()
  })
})

test('what is not keyed by one stream is refused, with the reason', () => {
  const keyed = defineProjection({
    ...{ name: 'by-customer', version: 1, key: 'customerId' },
    schema: z.object({ customerId: z.string() }),
    keyOf: ({ data }) => data.customerId,
    on: [Order, { OrderPlaced: (_row, { data }) => ({ customerId: data.customerId }) }],
  })
  const two = defineProjection({
    ...{ name: 'two-kinds', version: 1, key: 'id' },
    schema: z.object({ id: z.string() }),
    on: [
      [Order, Payment],
      { OrderPlaced: (_row, { aggregateId }) => ({ id: aggregateId }), PaymentTaken: (row) => row },
    ],
  })
  const handler = defineHandler({
    name: 'mailer',
    version: 1,
    on: Order,
    handle: () => Promise.resolve(),
  })
  const parking = { ...orderLedger, poison: { policy: 'park', retries: 1 } } as const
  expect(() => inlineProjections([parking])).toThrow(/poison policy is "park"/)
  for (const projection of [keyed, two])
    expect(() => inlineProjections([projection])).toThrow(/each row belongs to one stream/)
  expect(() => inlineProjections([handler as unknown as Projection])).toThrow(/cannot be inline/)
  expect(() => inlineProjections([orderLedger, orderLedger])).toThrow(ProjectionDefinitionError)
})

describe('rights', () => {
  const database = useStoreDatabase()

  test('to append and to keep rows takes the roles of a writer and of a projector', async () => {
    const login = `inline_${randomUUID().slice(0, 8)}`
    await database.pool.query(`create role ${login} in role tidemark_writer, tidemark_projector`)
    const pool = new pg.Pool({ connectionString: database.directUrl, options: `-c role=${login}` })
    const store = createEventStore(pool, { inline: inline(), listen: false })
    await store.append(Order, 'o-1', [placed()], any)
    expect(await expectFoldOfLog(store)).toBe(1)
    await store.close()
    await pool.end()
    await database.pool.query(`drop owned by ${login}`)
    await database.pool.query(`drop role ${login}`)
  })
})

describe('personal data', () => {
  const database = useStoreDatabase()

  test('is in clear in a row as it is in any read model', async () => {
    const Customer = defineAggregate({
      name: 'customer',
      initialState: () => ({}),
      events: {
        Registered: event(z.object({ id: z.string(), email: z.string() }), {
          personal: { subject: ({ id }) => id, fields: { email: 'erased' } },
        }),
      },
      evolve: { Registered: (state) => state },
      commands: () => ({}),
    })
    const emails = defineProjection({
      ...{ name: 'emails', version: 1, key: 'id' },
      schema: z.object({ id: z.string(), email: z.string() }),
      on: [Customer, { Registered: (_row, { aggregateId, data }) => ({ id: aggregateId, email: data.email }) }],
    })
    const store = createEventStore(database.pool, { inline: inlineProjections([emails]), listen: false })
    const registered = (id: string) => ({ type: 'Registered' as const, data: { id, email: `${id}@example.org` } })
    await store.append(Customer, '1', [registered('1')], any)
    await inTransaction(database.pool, (transaction) =>
      store.append(Customer, '2', [registered('2')], { ...any, transaction }),
    )
    const rows = await rowsOf(store, emails)
    expect(rows).toEqual([
      { id: '1', email: '1@example.org' },
      { id: '2', email: '2@example.org' },
    ])
    expect(JSON.stringify(await store.readStream('customer-1'), (_, value: unknown) => String(value))).not.toContain(
      'example.org',
    )
    await rebuildProjection(store, emails)
    expect(await rowsOf(store, emails)).toEqual(rows)
    await store.close()
  })
})
