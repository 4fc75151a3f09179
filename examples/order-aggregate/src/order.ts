import { defineAggregate, reject } from '@tidemark/eventstore'
import { z } from 'zod'
import { Currency, orderEvents, OrderItem } from './order-events.js'

export type OrderStatus = 'new' | 'placed' | 'paid' | 'shipped' | 'delivered' | 'cancelled'

export interface OrderState {
  readonly status: OrderStatus
  readonly customerId: string
  readonly items: readonly OrderItem[]
  readonly total: number
  readonly currency: string
  readonly trackingId: string | null
}

const initialState = (): OrderState => ({
  status: 'new',
  customerId: '',
  items: [],
  total: 0,
  currency: 'EUR',
  trackingId: null,
})

const totalOf = (items: readonly OrderItem[]) => items.reduce((sum, item) => sum + item.quantity * item.unitPrice, 0)

const notPossible = (state: OrderState, what: string) =>
  state.status === 'new'
    ? reject('order-not-found', 'there is no such order')
    : reject(`order-${state.status}`, `an order that is ${state.status} cannot be ${what}`)

/** An order from the basket to the door: placed → paid → shipped → delivered; cancelled until it is shipped. */
export const Order = defineAggregate({
  name: 'order',
  initialState,
  events: orderEvents,
  evolve: {
    OrderPlaced: (state, { data }) => ({ ...state, ...data, status: 'placed' }),
    PaymentCaptured: (state) => ({ ...state, status: 'paid' }),
    OrderShipped: (state, { data }) => ({ ...state, status: 'shipped', trackingId: data.trackingId }),
    OrderDelivered: (state) => ({ ...state, status: 'delivered' }),
    OrderCancelled: (state) => ({ ...state, status: 'cancelled' }),
  },
  commands: (command) => ({
    place: command(
      z.object({
        customerId: z.string().min(1),
        items: z.array(OrderItem).min(1).max(100),
        currency: Currency.default('EUR'),
      }),
      (state, input) =>
        state.status === 'new'
          ? { type: 'OrderPlaced', data: { ...input, total: totalOf(input.items) } }
          : reject('order-already-placed', `the order is ${state.status} already`),
    ),
    pay: command(z.object({ paymentId: z.string().min(1) }), (state, { paymentId }) => {
      if (state.status !== 'placed') return notPossible(state, 'paid')
      const { customerId, total, currency } = state
      return { type: 'PaymentCaptured', data: { customerId, amount: total, currency, paymentId } }
    }),
    ship: command(z.object({ carrier: z.string().min(1), trackingId: z.string().min(1) }), (state, input) =>
      state.status === 'paid' ? { type: 'OrderShipped', data: input } : notPossible(state, 'shipped'),
    ),
    deliver: command(z.object({ receivedBy: z.string().optional() }), (state, input) =>
      state.status === 'shipped' ? { type: 'OrderDelivered', data: input } : notPossible(state, 'delivered'),
    ),
    cancel: command(z.object({ reason: z.string().min(1) }), (state, { reason }) => {
      if (state.status !== 'placed' && state.status !== 'paid') return notPossible(state, 'cancelled')
      const { customerId, currency, total } = state
      const refunded = state.status === 'paid' ? total : 0
      return { type: 'OrderCancelled', data: { customerId, reason, refunded, currency } }
    }),
  }),
  snapshot: { every: 100, version: 1 },
})
