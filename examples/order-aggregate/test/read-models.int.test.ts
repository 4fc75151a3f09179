import { fold } from '@tidemark/eventstore'
import { describe, expect, it } from 'vitest'
import { makeUpOrders, Order, seedOrders } from '../src/index.js'
import { useShop } from './shop.js'

const shop = useShop()

const tea = [{ sku: 'tea', quantity: 2, unitPrice: 500 }]

async function summaryOf(orderId: string) {
  const { rows } = await shop.pool.query('select * from tidemark_read.order_summary where order_id = $1', [orderId])
  return rows[0]
}

async function totalsOf(customerId: string) {
  const { rows } = await shop.pool.query('select * from tidemark_read.customer_totals where customer_id = $1', [
    customerId,
  ])
  return rows[0]
}

describe('the order summary', () => {
  it('follows an order to the door', async () => {
    const { store } = shop
    await store.execute(Order, 'o-1', 'place', { customerId: 'c-1', items: tea })
    await store.execute(Order, 'o-1', 'pay', { paymentId: 'p-1' })
    await shop.caughtUp()
    expect(await summaryOf('o-1')).toMatchObject({
      customer_id: 'c-1',
      status: 'paid',
      total: '1000',
      currency: 'EUR',
      items: tea,
      tracking_id: null,
    })
    await store.execute(Order, 'o-1', 'ship', { carrier: 'DHL', trackingId: 'T1' })
    await store.execute(Order, 'o-1', 'deliver', {})
    await shop.caughtUp()
    const row = await summaryOf('o-1')
    expect(row).toMatchObject({ status: 'delivered', carrier: 'DHL', tracking_id: 'T1' })
    expect(row.changed_at.getTime()).toBeGreaterThan(row.placed_at.getTime())
  })

  it('shows orders of the time before currencies', async () => {
    const { store } = shop
    const data = { customerId: 'c-old', items: tea, total: 1000 }
    await store.appendToStream('order-o-old', [{ type: 'OrderPlaced', data, schemaVersion: 1 }], {
      expectedVersion: 'no-stream',
    })
    await store.execute(Order, 'o-old', 'pay', { paymentId: 'p-old' })
    await shop.caughtUp()
    expect(await summaryOf('o-old')).toMatchObject({ status: 'paid', currency: 'EUR' })
    expect(await totalsOf('c-old')).toMatchObject({ orders: '1', spent: { EUR: 1000 } })
  })
})

describe('the totals of a customer', () => {
  it('add up over orders, by currency, less what was given back', async () => {
    const { store } = shop
    const place = async (orderId: string, currency: string) => {
      await store.execute(Order, orderId, 'place', { customerId: 'c-2', items: tea, currency })
      await store.execute(Order, orderId, 'pay', { paymentId: orderId })
    }
    await Promise.all([place('o-2', 'EUR'), place('o-3', 'EUR'), place('o-4', 'USD')])
    await store.execute(Order, 'o-3', 'cancel', { reason: 'no' })
    await store.execute(Order, 'o-5', 'place', { customerId: 'c-2', items: tea })
    await store.execute(Order, 'o-5', 'cancel', { reason: 'no' })
    await shop.caughtUp()
    expect(await totalsOf('c-2')).toMatchObject({ orders: '4', cancelled: '2', spent: { EUR: 1000, USD: 1000 } })
  })
})

describe('the seeder', () => {
  it('makes orders whose read models agree with their streams, and changes nothing when it is run again', async () => {
    const { store, pool } = shop
    expect(await seedOrders(store, { orders: 100, seed: 3 })).toBe(100)
    const before = await store.head()
    await seedOrders(store, { orders: 100, seed: 3 })
    expect((await store.head()).lastPosition).toBe(before.lastPosition)

    await shop.caughtUp()
    const spent = new Map<string, number>()
    for (const { orderId, commands } of makeUpOrders(100, 3)) {
      const events = await store.readStream(`order-${orderId}`)
      expect(events.map(({ metadata }) => metadata.causationId)).toEqual(commands.map(({ commandId }) => commandId))
      const state = fold(Order, Order.initialState(), events)
      const { status, total, currency, customerId } = state
      expect(await summaryOf(orderId)).toMatchObject({
        status,
        total: String(total),
        currency,
        customer_id: customerId,
      })
      if (!['placed', 'cancelled'].includes(status)) {
        const key = `${customerId} ${currency}`
        spent.set(key, (spent.get(key) ?? 0) + total)
      }
    }
    const { rows } = await pool.query(
      `select customer_id || ' ' || s.key as key, s.value::text as amount
         from tidemark_read.customer_totals, jsonb_each(spent) s
        where customer_id like 'c-0%' and s.value <> '0'`,
    )
    expect(new Map(rows.map(({ key, amount }) => [key, Number(amount)]))).toEqual(spent)
  })
})
