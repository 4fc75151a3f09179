import { createEventStore, listCheckpoints, type EventStore } from '@tidemark/eventstore'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  createProjector,
  defineHandler,
  ProjectionDefinitionError,
  replay,
  ReplayFailedError,
  type HandlerContext,
} from '../src/index.js'
import { customerTotals, Order, orderSummary, Payment } from './order.js'
import { useStoreDatabase } from './store-database.js'

describe('replay', () => {
  const database = useStoreDatabase()
  let store: EventStore
  let minute = -1
  const at = (minutes: number) => new Date(Date.UTC(2025, 0, 1, 0, minutes))
  const positions: bigint[] = []
  const seen: {
    readonly types: readonly string[]
    readonly ids: readonly string[]
    readonly context: HandlerContext
  }[] = []
  let failsOn = ''

  const audit = defineHandler({
    name: 'audit',
    version: 1,
    on: [Order, Payment],
    async handle(transaction, events, context) {
      seen.push({ types: events.map(({ type }) => type), ids: events.map(({ aggregateId }) => aggregateId), context })
      for (const event of events) {
        if (event.aggregateId === failsOn) throw new Error('not this one')
        await transaction.query('insert into audit values ($1)', [event.id])
      }
    },
  })
  const audited = async () => (await database.pool.query('select from audit')).rowCount
  const handledIds = () => seen.flatMap(({ ids }) => ids)

  /** Ten orders, each placed at an even minute and shipped at the next; the last three are paid for afterwards. */
  beforeAll(async () => {
    store = createEventStore(database.pool, { clock: () => at(minute) })
    await database.pool.query('create table audit (event_id uuid primary key deferrable initially deferred)')
    for (let index = 0; index < 10; index++) {
      const data = { customerId: `c-${index}`, total: index, currency: 'EUR' }
      minute++
      const placed = await store.append(Order, `o-${index}`, [{ type: 'OrderPlaced', data }], { expectedVersion: 0 })
      minute++
      const shipped = await store.append(
        Order,
        `o-${index}`,
        [{ type: 'OrderShipped', data: { trackingId: `t-${index}` } }],
        { expectedVersion: 1 },
      )
      positions.push(placed.position, shipped.position)
    }
    for (let index = 7; index < 10; index++) {
      const data = { customerId: `c-${index}`, amount: 1 }
      minute++
      const paid = await store.append(Payment, `o-${index}`, [{ type: 'PaymentTaken', data }], { expectedVersion: 0 })
      positions.push(paid.position)
    }
  })
  beforeEach(async () => {
    seen.length = 0
    failsOn = ''
    await database.pool.query('truncate audit')
  })
  afterAll(() => store.close())

  test('of a read model takes ranges, streams and types, together too, and writes nothing', async () => {
    const events = async (options: Parameters<typeof replay>[2]) => (await replay(store, orderSummary, options)).events
    expect(await replay(store, orderSummary)).toEqual({ events: 20, rowsTouched: 10, rowsWritten: 10, rowsDeleted: 0 })
    expect(await events({ from: positions[2]!, to: positions[5]! })).toBe(4)
    expect(await events({ since: at(4), until: at(9) })).toBe(6)
    expect(await events({ since: new Date(at(4).getTime() + 1) })).toBe(15)
    expect(await events({ until: new Date(at(4).getTime() - 1) })).toBe(4)
    expect(await events({ since: at(4), from: positions[6]!, until: at(9) })).toBe(4)
    expect(await events({ since: at(500) })).toBe(0)
    expect(await events({ streams: ['order-o-1', 'order-o-3', 'order-o-1', 'order-none'] })).toBe(4)
    expect(await events({ streams: ['order-o-1', 'order-o-3'], types: ['OrderPlaced'] })).toBe(2)
    expect(await events({ streams: ['order-o-1', 'order-o-3'], from: positions[3]! })).toBe(3)
    expect(await events({ streams: ['payment-o-7'] })).toBe(0)
    expect(await events({ types: ['OrderShipped'] })).toBe(10)
    expect(await replay(store, orderSummary, { types: ['OrderShipped'] })).toMatchObject({
      rowsWritten: 0,
      rowsTouched: 10,
    })
    expect(await events({ to: positions[4]!, batchSize: 2 })).toBe(5)
    expect((await database.pool.query(`select from tidemark.projections`)).rowCount).toBe(0)
  })

  test('refuses types that nobody handles, and side effects of a read model', async () => {
    await expect(replay(store, orderSummary, { types: ['PaymentTaken'] })).rejects.toThrow(ProjectionDefinitionError)
    await expect(replay(store, audit, { types: ['Nothing'] })).rejects.toThrow(/OrderPlaced/)
    await expect(replay(store, orderSummary, { sideEffects: true })).rejects.toThrow(ProjectionDefinitionError)
  })

  test('of a handler leaves nothing behind, and tells it so', async () => {
    const result = await replay(store, audit, { batchSize: 9 })
    expect(result).toEqual({ events: 23, batches: 3, effects: 'rolled-back' })
    expect(seen.map(({ types, context }) => [types.length, context])).toEqual(
      [9, 9, 5].map((count) => [count, { replay: true, sideEffects: false }]),
    )
    expect(await audited()).toBe(0)
    expect(await listCheckpoints(store.database)).toEqual([])
  })

  test('of a handler with side effects keeps them', async () => {
    const streams = ['payment-o-8', 'order-o-8']
    expect(await replay(store, audit, { streams, sideEffects: true })).toEqual({
      ...{ events: 3, batches: 1, effects: 'committed' },
    })
    expect(seen).toEqual([
      {
        types: ['OrderPlaced', 'OrderShipped', 'PaymentTaken'],
        ids: ['o-8', 'o-8', 'o-8'],
        context: expect.anything(),
      },
    ])
    expect(seen[0]!.context).toEqual({ replay: true, sideEffects: true })
    expect(await audited()).toBe(3)
  })

  test('a dry run finds what a commit would have failed on', async () => {
    const [event] = await store.readStream('order-o-2')
    await database.pool.query('insert into audit values ($1)', [event!.id])
    await expect(replay(store, audit, { streams: ['order-o-2'] })).rejects.toThrow(/audit_pkey/)
    expect(await audited()).toBe(1)
  })

  test('a batch that fails is named; those before it stay as they were left', async () => {
    failsOn = 'o-5'
    const failed = replay(store, audit, { batchSize: 4, sideEffects: true })
    await expect(failed).rejects.toThrow(ReplayFailedError)
    await expect(failed).rejects.toMatchObject({ batch: { from: positions[8], to: positions[11] }, retryable: false })
    expect(await audited()).toBe(8)
    await database.pool.query('truncate audit')
    await expect(replay(store, audit, { batchSize: 4 })).rejects.toThrow(/positions .*not this one/)
    expect(await audited()).toBe(0)
  })

  test('tells how far it is, and ends at the signal', async () => {
    const done: bigint[] = []
    const onProgress = (progress: { readonly done: bigint }) => void done.push(progress.done)
    await replay(store, audit, { streams: ['order-o-0', 'order-o-1'], batchSize: 2, onProgress })
    expect(done).toEqual([positions[1], positions[3]])
    const abort = new AbortController()
    const ended = replay(store, audit, {
      ...{ batchSize: 2, signal: abort.signal, sideEffects: true },
      onProgress: () => abort.abort(new Error('enough')),
    })
    await expect(ended).rejects.toThrow('enough')
    expect(await audited()).toBe(2)
  })

  test('a handler that runs is told that it is no replay, and no replay moves its checkpoint', async () => {
    const projector = createProjector(store, [audit, customerTotals])
    await projector.start()
    const { position } = await store.head()
    for (const name of ['audit', 'customer-totals']) {
      expect(await projector.waitFor(name, position, { timeoutMs: 10_000 })).toBe('reached')
    }
    expect(new Set(seen.map(({ context }) => JSON.stringify(context)))).toEqual(
      new Set([JSON.stringify({ replay: false, sideEffects: true })]),
    )
    expect(await audited()).toBe(23)
    const places = async () => (await listCheckpoints(store.database)).map(({ name, position: at }) => [name, at])
    const before = await places()
    await database.pool.query('truncate audit')
    await replay(store, audit, { to: positions[3]!, sideEffects: true })
    await replay(store, customerTotals)
    expect(await places()).toEqual(before)
    expect(await audited()).toBe(4)
    expect(handledIds().slice(-4)).toEqual(['o-0', 'o-0', 'o-1', 'o-1'])
    await projector.stop()
  })

  test('times need not rise with positions', async () => {
    for (const time of [1000, 900, 1001]) {
      minute = time
      const seen = { type: 'OrderSeen', data: {} } as const
      await store.append(Order, `at-${time}`, [seen], { expectedVersion: 0 })
    }
    expect(await replay(store, audit, { since: at(1000) })).toMatchObject({ events: 2 })
    expect(handledIds()).toEqual(['at-1000', 'at-1001'])
    expect(await replay(store, audit, { since: at(900), until: at(1000) })).toMatchObject({ events: 2 })
  })
})
