import type { EventStore } from '@tidemark/eventstore'
import { makeUpOrders } from './made-up-orders.js'
import { Order } from './order.js'

export interface SeedOptions {
  /** How many orders; 200 unless said. */
  readonly orders?: number
  /** Another seed makes other orders; 1 unless said. */
  readonly seed?: number
}

/** How many orders live through their commands at once: they share round trips. */
const atOnce = 32

/**
 * Fills a store with orders in all stages, through the same commands that a shop would send.
 *
 * It may be called again, also after it was interrupted: commands that were executed are known by their ids, and change nothing.
 *
 * @returns how many orders there are.
 */
export async function seedOrders(
  store: EventStore,
  { orders: count = 200, seed = 1 }: SeedOptions = {},
): Promise<number> {
  const orders = makeUpOrders(count, seed)
  const waiting = orders.values()
  const worker = async () => {
    for (const { orderId, commands } of waiting) {
      for (const { command, input, commandId } of commands) {
        await store.execute(Order, orderId, command, input, { commandId, actor: 'seed' })
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return orders.length
}
