import { describe, expect, it } from 'vitest'
import { makeUpOrders } from '../src/index.js'

describe('made-up orders', () => {
  it('are the same for the same seed, and others for another', () => {
    expect(makeUpOrders(50, 7)).toEqual(makeUpOrders(50, 7))
    expect(makeUpOrders(50, 8)).not.toEqual(makeUpOrders(50, 7))
  })

  it('end in every stage', () => {
    const stages = new Set(makeUpOrders(200).map(({ commands }) => commands.map(({ command }) => command).join(' ')))
    expect([...stages].sort()).toEqual([
      'place',
      'place cancel',
      'place pay',
      'place pay cancel',
      'place pay ship',
      'place pay ship deliver',
    ])
  })

  it('have ids of their own', () => {
    const orders = makeUpOrders(500)
    expect(new Set(orders.map(({ orderId }) => orderId)).size).toBe(500)
    const commandIds = orders.flatMap(({ commands }) => commands.map(({ commandId }) => commandId))
    expect(new Set(commandIds).size).toBe(commandIds.length)
    for (const id of commandIds)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })
})
