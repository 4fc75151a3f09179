import type { CommandInput, CommandName } from '@tidemark/eventstore'
import type { Order } from './order.js'
import type { OrderItem } from './order-events.js'
import { createRandom, type Random } from './random.js'

/** A command of an order's life; its id makes sending it again harmless. */
export type OrderCommand = {
  [Name in CommandName<typeof Order>]: {
    readonly command: Name
    readonly input: CommandInput<typeof Order, Name>
    readonly commandId: string
  }
}[CommandName<typeof Order>]

/** An order that somebody might have placed, and what became of it. */
export interface MadeUpOrder {
  readonly orderId: string
  readonly commands: readonly OrderCommand[]
}

const catalogue = [
  { sku: 'tea-assam-250', unitPrice: 890 },
  { sku: 'tea-sencha-100', unitPrice: 1250 },
  { sku: 'teapot-cast-iron', unitPrice: 6400 },
  { sku: 'cup-porcelain', unitPrice: 1450 },
  { sku: 'strainer-steel', unitPrice: 720 },
  { sku: 'kettle-gooseneck', unitPrice: 8900 },
  { sku: 'tin-small', unitPrice: 480 },
] as const

const currencies = ['EUR', 'EUR', 'EUR', 'EUR', 'GBP', 'USD'] as const
const carriers = ['DHL', 'UPS', 'PostNL', 'La Poste'] as const
const reasons = ['changed my mind', 'ordered twice', 'takes too long', 'found it cheaper'] as const

/** Orders of tea and what goes with it; the same for the same seed. */
export function makeUpOrders(count: number, seed = 1): MadeUpOrder[] {
  const random = createRandom(seed)
  const customers = Math.max(1, Math.ceil(count / 5))
  return Array.from({ length: count }, (_, index) => {
    const orderId = `o-${String(index + 1).padStart(Math.max(4, String(count).length), '0')}`
    // Some come back more often than others.
    const customerId = `c-${String(1 + Math.floor(random.next() ** 2 * customers)).padStart(3, '0')}`
    return { orderId, commands: lifeOf(random, customerId, index) }
  })
}

function lifeOf(random: Random, customerId: string, index: number): OrderCommand[] {
  const commandId = () => random.uuid(Date.UTC(2025, 0, 1) + index * 60_000)
  const place: OrderCommand = {
    command: 'place',
    input: { customerId, items: basketOf(random), currency: random.pick(currencies) },
    commandId: commandId(),
  }
  const pay: OrderCommand = {
    command: 'pay',
    input: { paymentId: `pay-${random.between(1e8, 1e9)}` },
    commandId: commandId(),
  }
  const tracking = { carrier: random.pick(carriers), trackingId: `T${random.between(1e9, 1e10)}` }
  const ship: OrderCommand = { command: 'ship', input: tracking, commandId: commandId() }
  const deliver: OrderCommand = { command: 'deliver', input: {}, commandId: commandId() }
  const cancel: OrderCommand = { command: 'cancel', input: { reason: random.pick(reasons) }, commandId: commandId() }

  const fate = random.next()
  if (fate < 0.1) return [place]
  if (fate < 0.2) return [place, pay]
  if (fate < 0.4) return [place, pay, ship]
  if (fate < 0.88) return [place, pay, ship, deliver]
  return fate < 0.95 ? [place, cancel] : [place, pay, cancel]
}

function basketOf(random: Random): OrderItem[] {
  const skus = new Set(Array.from({ length: random.between(1, 4) }, () => random.pick(catalogue)))
  return [...skus].map(({ sku, unitPrice }) => ({ sku, unitPrice, quantity: random.between(1, 3) }))
}
