import { createEventStore, type EventStore } from '@tidemark/eventstore'
import { blame, createProjector, defineHandler, defineProjection, type Projector } from '@tidemark/projections'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { createServer } from '../../src/index.js'
import { useStoreDatabase } from '../store-database.js'
import { Item, shelves } from '../stock.js'
import { AdminClient, authentication, type Json } from './admin-server.js'
import { canary, Customer } from './customer.js'

const reason = 'a test wants it'
const until = (check: () => unknown) => vi.waitFor(check, { timeout: 20_000 })

/** Whether the handlers can take an amount of 13, but for one that they never take. */
const code = { takesThirteen: false }
/** Handlers wait for it. */
let letGo = () => {}
let gate: Promise<void> = Promise.resolve()

const items = defineProjection({
  ...{ name: 'items', version: 1, key: 'item', shards: 3, poison: { policy: 'park', retries: 0 } },
  schema: z.object({ item: z.string(), shelf: z.string() }),
  on: [
    Item,
    {
      Stored: (_row, { aggregateId, data }) => {
        if (data.amount === 13 && !(code.takesThirteen && data.text !== 'never')) throw new Error('unlucky')
        return { item: aggregateId, shelf: data.shelf }
      },
    },
  ],
})

/** Has numbers for keys. */
const amounts = defineProjection({
  ...{ name: 'amounts', version: 1, key: 'amount' },
  schema: z.object({ amount: z.int() }),
  keyOf: ({ data }) => [data.amount],
  on: [Item, { Stored: (_row, _event, key) => ({ amount: Number(key) }) }],
})

/** Stops at a visit, with personal data in the message. */
const visits = defineProjection({
  ...{ name: 'visits', version: 1, key: 'id' },
  schema: z.object({ id: z.string(), email: z.string() }),
  on: [
    Customer,
    {
      Registered: (_row, { aggregateId, data }) => ({ id: aggregateId, email: data.email }),
      Visited: (row) => {
        throw new Error(`no page for ${row?.email}`)
      },
    },
  ],
})

const waiting = defineHandler({ name: 'waiting', version: 1, on: Item, handle: () => gate })

describe('projections over the admin API', () => {
  const database = useStoreDatabase()
  const projections = [items, shelves, amounts, visits, waiting]
  let store: EventStore
  let projector: Projector
  let app: FastifyInstance
  const admin = new AdminClient(() => app)
  const viewer = admin.for('viewer')
  const append = (id: string, ...stored: readonly object[]) =>
    store.appendToStream(
      `item-${id}`,
      stored.map((data) => ({ type: 'Stored', data, metadata: { actor: 'ann' } })),
      { expectedVersion: 'any' },
    )
  const caughtUp = async (name: string) => projector.waitFor(name, (await store.head()).position, { timeoutMs: 20_000 })

  beforeAll(async () => {
    store = createEventStore(database.pool)
    projector = createProjector(store, projections, { watchIntervalMs: 50 })
    app = createServer({
      ...{ store, aggregates: [Item, Customer], projections, projector, authentication },
      admin: { operationPollMs: 50 },
    })
    await app.ready()
    await projector.start()
    await append('a', { shelf: 'left', amount: 1 }, { shelf: 'right', amount: 2 })
    await store.execute(Customer, 'c-1', 'register', { customerId: 'c-1', email: canary, city: 'Ghent' })
    await caughtUp('items')
  })
  afterAll(async () => {
    letGo()
    await app.close()
    await projector.stop()
    await store.close()
  })

  test('are shown with their shards', async () => {
    const { tables } = (await viewer.get('/projections/items')).body
    expect(tables).toMatchObject([{ status: 'live', shards: [{ failures: 0 }, { failures: 0 }, { failures: 0 }] }])
    expect(new Set(tables[0].shards.map(({ owner }: Json) => typeof owner))).toEqual(new Set(['string']))
    expect(tables[0].shards[0].checkpoint).toContain('items_v1')
  })

  test('get on at a rate that takes two looks to tell', async () => {
    gate = new Promise((resolve) => (letGo = resolve))
    await append('b', { shelf: 'left', amount: 3 })
    await until(async () => expect((await viewer.get('/projections/waiting')).body.lag).not.toBe('0'))
    expect((await viewer.get('/projections/waiting')).body).not.toHaveProperty('eventsPerSecond')
    expect((await viewer.get('/projections/waiting?measureMs=150')).body).toMatchObject({ eventsPerSecond: 0 })
    const { data } = (await viewer.get('/projections?measureMs=150')).body
    expect(data.at(-1)).toMatchObject({ name: 'waiting', eventsPerSecond: 0 })
    letGo()
    for (const wrong of ['99', '5001', '1e3', 'x'])
      expect(await viewer.get(`/projections?measureMs=${wrong}`)).toMatchObject({ status: 400 })
  })

  test('say which event gave a value, as far as the role may see values', async () => {
    await caughtUp('items')
    const path = '/projections/items/rows/a/blame'
    const whole = await admin.get(`${path}?payloads=full`)
    const blamed = await blame(store, items, 'a')
    expect(whole.body).toEqual(
      JSON.parse(JSON.stringify(blamed, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))),
    )
    expect(whole.body.fields.shelf).toMatchObject({ value: 'right', version: '2', actor: 'ann' })
    const earlier = await admin.get(`${path}?payloads=full&at=${whole.body.fields.item.position}`)
    expect(earlier.body.fields.shelf).toMatchObject({ value: 'left', version: '1' })
    const masked = (await viewer.get(path)).body
    expect(masked).toMatchObject({
      row: { item: '***', shelf: '***' },
      fields: { shelf: { value: '***', version: '2' } },
    })
    const none = (await viewer.get(`${path}?payloads=none`)).body
    expect([none.row, none.fields.shelf.value, none.fields.shelf.version]).toEqual([undefined, undefined, '2'])
    expect((await viewer.get(`${path}?payloads=full`)).status).toBe(403)
    const personal = await admin.get('/projections/visits/rows/c-1/blame?payloads=full')
    expect(personal.body).toMatchObject({ row: { email: '***' }, fields: { email: { value: '***' } } })
  })

  test('have no blame of rows that are not there, or that take the whole log', async () => {
    const problems: readonly [string, number, string][] = [
      ['/projections/items/rows/nothing/blame', 404, 'row-not-found'],
      ['/projections/item/rows/a/blame', 404, 'unknown-projection'],
      ['/projections/waiting/rows/a/blame', 422, 'not-a-read-model'],
      ['/projections/shelves/rows/left/blame', 422, 'not-single-stream'],
      ['/projections/amounts/rows/x/blame', 422, 'invalid-input'],
      ['/projections/items/rows/a/blame?at=x', 400, 'invalid-parameter'],
    ]
    for (const [path, status, type] of problems)
      expect(await viewer.get(path), path).toMatchObject({ status, body: { type: `/problems/${type}` } })
  })

  test('never show what an error of theirs holds', async () => {
    await store.execute(Customer, 'c-1', 'visit', { page: 'bad' })
    await until(async () => {
      const { tables } = (await admin.get('/projections/visits')).body
      expect(tables[0].shards[0]).toMatchObject({ error: expect.stringContaining('may hold personal data') })
    })
    const { rows } = await database.pool.query<{ error: string }>(
      'select error from tidemark.checkpoints where error is not null',
    )
    expect(rows[0]!.error).toContain(canary)
    await admin.get('/projections')
    for (const body of admin.bodies) expect(body).not.toContain(canary)
  })

  test('refuse at once what takes rows where they are handlers, and keys that are none', async () => {
    for (const action of ['rebuild', 'diff', 'promote', 'rollback', 'verify'])
      expect(await admin.post(`/projections/waiting/${action}`, { reason }), action).toMatchObject({
        ...{ status: 422, body: { type: '/problems/not-a-read-model' } },
      })
    const keys = await admin.post('/projections/amounts/verify', { keys: [1, 'x'] })
    expect(keys).toMatchObject({ status: 422, body: { type: '/problems/invalid-input' } })
    expect((await admin.get('/operations')).body.data).toEqual([])
    const planned = await admin.post('/projections/items/promote', { reason, dryRun: true })
    expect(planned).toMatchObject({ status: 409, body: { code: 'PROJECTIONS_NO_SUCH_TABLE' } })
  })

  test('are verified by key and column, which tells what is missing from what differs', async () => {
    const { table } = (await admin.get('/projections/amounts')).body
    await caughtUp('amounts')
    await database.pool.query(`insert into tidemark_read."${table}" (amount) values (77)`)
    await database.pool.query(`delete from tidemark_read."${table}" where amount = 3`)
    const verified = await admin.ended(await admin.post('/projections/amounts/verify', { keys: ['3', 77] }))
    expect(verified.result).toMatchObject({
      drifted: [
        { key: 3, row: 'missing', columns: ['amount'], healed: false },
        { key: 77, row: 'unexpected', columns: ['amount'], healed: false },
      ],
    })
  })

  test('are given events again by when they were recorded', async () => {
    const replayed = async (range: object) =>
      (await admin.ended(await admin.post('/projections/items/replay', range))).result.events
    const [last] = (await store.readStream('item-b')).slice(-1)
    const recordedAt = last!.recordedAt.toISOString()
    expect(await replayed({ since: recordedAt, until: recordedAt })).toBe(1)
    expect(await replayed({ until: '2020-01-01T00:00:00+02:00' })).toBe(0)
    for (const since of ['yesterday', '2026-03-01T12:00:00', '0000-01-01T00:00:00Z', 7])
      expect(await admin.post('/projections/items/replay', { since })).toMatchObject({
        ...{ status: 422, body: { errors: [{ pointer: '/since' }] } },
      })
  })

  test('set events aside that are there when the code has the projection no more', async () => {
    for (let id = 0; id < 101; id++) await append(`p-${id}`, { shelf: 'left', amount: 13 })
    const { position } = await append('p-last', { shelf: 'left', amount: 13, text: 'never' })
    await caughtUp('items')
    const other = createServer({
      ...{ store, aggregates: [Item], projections: [shelves], authentication },
      admin: true,
    })
    await other.ready()
    const without = new AdminClient(() => other)
    expect((await without.get('/dead-letters/groups?projection=items')).body.data).toMatchObject([{ failed: 102 }])
    expect((await without.get('/dead-letters?projection=items&limit=1')).body.data).toMatchObject([
      { streamId: 'item-p-0' },
    ])
    const found = (await without.get(`/dead-letters/items/${position}`)).body.data
    expect(found).toMatchObject([{ error: { message: expect.stringContaining('may hold personal data') } }])
    for (const path of [
      '/dead-letters/groups?projection=item',
      '/dead-letters?projection=item',
      '/dead-letters/item/1',
    ])
      expect(await without.get(path), path).toMatchObject({
        status: 404,
        body: { type: '/problems/unknown-projection' },
      })
    await other.close()
  })

  test('list those streams first that failed again', async () => {
    code.takesThirteen = true
    const { result } = await admin.ended(await admin.post('/dead-letters/items/retry', { reason, all: true }))
    expect(result).toMatchObject({ streams: 102, handled: 101, rowsChanged: 101, failedStreams: 1 })
    expect(result.listed).toHaveLength(100)
    expect(result.listed.slice(0, 2)).toMatchObject([
      { streamId: 'item-p-last', handled: 0, rowsChanged: 0, error: { message: expect.stringContaining('unlucky') } },
      { streamId: 'item-p-0', handled: 1, rowsChanged: 1 },
    ])
    expect(result.listed[1]).not.toHaveProperty('failedAt')
  })

  test('are not told from events that were deleted, unless that is wanted', async () => {
    await store.truncateStream('item-a', { beforeVersion: 2, reason, withoutSnapshot: true, evenIfUnread: true })
    expect(await viewer.get('/projections/items/rows/a/blame')).toMatchObject({ status: 410 })
    const rest = await viewer.get('/projections/items/rows/a/blame?evenIfTruncated=true')
    expect(rest).toMatchObject({ status: 200, body: { fields: { item: { version: '2' } } } })
    const verified = await admin.ended(await admin.post('/projections/amounts/verify', { keys: [77] }))
    expect(verified.result).toMatchObject({
      ...{ drifted: [], unverifiableRows: 1, unverifiable: [{ key: 77, truncatedStreams: ['item-a'] }] },
    })
  })
})
