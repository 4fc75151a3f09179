import type { CommandInput } from '@tidemark/eventstore'
import { orderOf, type Order } from '../order.js'

/** The input of a command that places an order, for the store. */
export const anOrder = (total: number, customerId?: string): CommandInput<typeof Order, 'place'> =>
  orderOf(total, customerId) as CommandInput<typeof Order, 'place'>
