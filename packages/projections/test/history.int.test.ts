import { createEventStore, type EventMetadata, type EventStore } from '@tidemark/eventstore'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { blame, HistoryTruncatedError, rowAt, rowHistory, type RowVersion } from '../src/index.js'
import { customerTotals, Order, orderSummary, Payment } from './order.js'
import { useStoreDatabase } from './store-database.js'

describe('the history of a row', () => {
  const database = useStoreDatabase()
  let store: EventStore
  // The time of each event, in minutes, so that a test can name it.
  let minute = 0
  const at = (minutes: number) => new Date(Date.UTC(2025, 0, 1, 0, minutes))
  beforeAll(() => {
    store = createEventStore(database.pool, { clock: () => at(minute) })
  })
  afterAll(() => store.close())

  const placed = (total: number, metadata: EventMetadata = {}, customerId = 'c-1') => ({
    type: 'OrderPlaced' as const,
    data: { customerId, total, currency: 'EUR' },
    metadata,
  })
  const shipped = (trackingId: string, metadata: EventMetadata = {}) =>
    ({ type: 'OrderShipped', data: { trackingId }, metadata }) as const
  const forgotten = { type: 'OrderForgotten', data: {} } as const
  type OrderEvent = ReturnType<typeof placed> | ReturnType<typeof shipped> | typeof forgotten
  /** Appends events one by one; returns their positions. */
  async function append(id: string, ...events: readonly OrderEvent[]): Promise<bigint[]> {
    const positions: bigint[] = []
    for (const event of events) {
      minute++
      positions.push((await store.append(Order, id, [event], { expectedVersion: 'any' })).position)
    }
    return positions
  }
  async function all<R>(versions: AsyncIterable<RowVersion<R>>): Promise<RowVersion<R>[]> {
    const found = []
    for await (const version of versions) found.push(version)
    return found
  }

  test('blame names for every value the event that set it last, and not one that set the same again', async () => {
    const positions = await append(
      'blamed',
      placed(5, { actor: 'ada', correlationId: 'request-1', causationId: 'command-1' }),
      shipped('t-1', { actor: 'bob' }),
      shipped('t-2', { actor: 'eve' }),
      shipped('t-2', { actor: 'mallory' }),
    )
    const blamed = await blame(store, orderSummary, 'blamed')
    expect(blamed).toMatchObject({
      key: 'blamed',
      position: (await store.head()).position,
      row: { orderId: 'blamed', status: 'shipped', total: 5, trackingId: 't-2' },
      deletedBy: undefined,
      fields: {
        total: {
          ...{ value: 5, type: 'OrderPlaced', position: positions[0], version: 1n, streamId: 'order-blamed' },
          ...{ actor: 'ada', correlationId: 'request-1', causationId: 'command-1', recordedAt: expect.any(Date) },
        },
        status: { value: 'shipped', type: 'OrderShipped', position: positions[1], actor: 'bob' },
        trackingId: { value: 't-2', type: 'OrderShipped', position: positions[2], actor: 'eve' },
      },
    })
    expect(Object.keys(blamed!.fields).sort()).toEqual(orderSummary.columns.map(({ property }) => property).sort())
    expect(blamed!.fields['status']).not.toHaveProperty('correlationId')
    const [event] = await store.readStream('order-blamed')
    expect(blamed!.fields['total']!.eventId).toBe(event!.id)

    const earlier = await blame(store, orderSummary, 'blamed', { at: positions[1]! })
    expect(earlier).toMatchObject({ position: positions[1], fields: { trackingId: { value: 't-1', actor: 'bob' } } })
    const first = await blame(store, orderSummary, 'blamed', { at: positions[0]! })
    expect(first!.fields['trackingId']).toMatchObject({ value: undefined, position: positions[0] })
    expect(first!.row).not.toHaveProperty('trackingId')
  })

  test('a row that was taken away names the event; one that was made again begins anew; one that never was is undefined', async () => {
    const positions = await append('gone', placed(1), forgotten)
    expect(await blame(store, orderSummary, 'gone')).toMatchObject({
      ...{ row: null, fields: {} },
      deletedBy: { type: 'OrderForgotten', position: positions[1] },
    })
    const [again] = await append('gone', placed(1))
    const blamed = await blame(store, orderSummary, 'gone')
    expect(blamed!.deletedBy).toBeUndefined()
    expect(new Set(Object.values(blamed!.fields).map(({ position }) => position))).toEqual(new Set([again]))
    expect(await blame(store, orderSummary, 'nobody')).toBeUndefined()
    await append('unmade', shipped('t'))
    expect(await blame(store, orderSummary, 'unmade')).toBeUndefined()
  })

  test('rowHistory gives one version per event that changed something', async () => {
    const positions = await append('told', placed(3), shipped('t'), shipped('t'), forgotten, forgotten, placed(4))
    const versions = await all(rowHistory(store, orderSummary, 'told'))
    expect(versions.map(({ event, changed, row }) => [event.position, changed.length, row?.total])).toEqual([
      [positions[0], 7, 3],
      [positions[1], 2, 3],
      [positions[3], 7, undefined],
      [positions[5], 7, 4],
    ])
    expect(versions[1]).toMatchObject({
      changed: ['status', 'trackingId'],
      event: { type: 'OrderShipped', version: 2n },
    })
    expect(versions[2]!.row).toBeNull()
    expect(await all(rowHistory(store, orderSummary, 'told', { at: positions[2]! }))).toHaveLength(2)
    expect(await all(rowHistory(store, orderSummary, 'nobody'))).toEqual([])
  })

  test('rowAt gives the row at a position, and at a time', async () => {
    const begun = minute + 1
    const positions = await append('dated', placed(1), shipped('t'), forgotten)
    const total = async (moment: Parameters<typeof rowAt>[3]) => {
      const row = await rowAt(store, orderSummary, 'dated', moment)
      return row && row.status
    }
    expect(await total({ position: positions[0]! - 1n })).toBeNull()
    expect(await total({ position: positions[0]! })).toBe('placed')
    expect(await total({ position: positions[1]! })).toBe('shipped')
    expect(await total({ position: positions[2]! + 1000n })).toBeNull()
    expect(await total({ time: new Date(at(begun).getTime() - 1) })).toBeNull()
    expect(await total({ time: at(begun) })).toBe('placed')
    expect(await total({ time: new Date(at(begun + 1).getTime() - 1) })).toBe('placed')
    expect(await total({ time: at(begun + 1) })).toBe('shipped')
    expect(await total({ time: at(begun + 500) })).toBeNull()
  })

  test('a later event that was recorded at an earlier time has all events before it', async () => {
    minute = 1000
    await append('late', placed(1))
    minute = 900
    await append('late', shipped('t'))
    minute = 1100
    expect(await rowAt(store, orderSummary, 'late', { time: at(950) })).toMatchObject({ status: 'shipped', total: 1 })
    expect(await rowAt(store, orderSummary, 'late', { time: at(850) })).toBeNull()
  })

  test('with keyOf the events of many streams make one row', async () => {
    const [first] = await append('k-1', placed(1, {}, 'key'))
    const [second] = await append('k-2', placed(2, {}, 'key'))
    const paid = await store.append(Payment, 'p', [{ type: 'PaymentTaken', data: { customerId: 'key', amount: 3 } }], {
      expectedVersion: 'any',
    })
    const blamed = await blame(store, customerTotals, 'key')
    expect(blamed).toMatchObject({
      row: { customerId: 'key', orders: 2, payments: 1, spent: 300n, lastOrder: 'k-2', tags: ['pays'] },
      fields: {
        customerId: { position: first, streamId: 'order-k-1' },
        spent: { value: 300n, position: second },
        tags: { position: paid.position, streamId: 'payment-p' },
      },
    })
    expect(await all(rowHistory(store, customerTotals, 'key'))).toHaveLength(3)
    expect(await rowAt(store, customerTotals, 'key', { position: first! })).toMatchObject({ orders: 1 })
  })

  test('a truncated stream is refused, unless what is left is asked for', async () => {
    await append('cut', placed(1), placed(2), shipped('t'))
    await append('uncut', placed(1))
    await store.truncateStream('order-cut', { beforeVersion: 2, withoutSnapshot: true })
    await expect(blame(store, orderSummary, 'cut')).rejects.toThrow(HistoryTruncatedError)
    await expect(all(rowHistory(store, orderSummary, 'cut'))).rejects.toMatchObject({ streamIds: ['order-cut'] })
    await expect(rowAt(store, orderSummary, 'cut', { time: at(minute) })).rejects.toThrow(/order-cut/)
    expect(await rowAt(store, orderSummary, 'cut', { time: at(minute), evenIfTruncated: true })).toMatchObject({
      ...{ total: 2, status: 'shipped' },
    })
    expect(await blame(store, orderSummary, 'uncut')).toMatchObject({ row: { total: 1 } })
    // Whose row the deleted event touched cannot be known.
    await expect(blame(store, customerTotals, 'key')).rejects.toThrow(HistoryTruncatedError)
    expect(await blame(store, customerTotals, 'key', { evenIfTruncated: true })).toMatchObject({ row: { orders: 2 } })
  })
})
