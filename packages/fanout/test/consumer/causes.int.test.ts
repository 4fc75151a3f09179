import { describe, expect, inject, test } from 'vitest'
import { defineConsumer, type Causes } from '../../src/index.js'
import { Order } from '../order.js'
import { until } from '../until.js'
import { orderRecord, useConsumerKit, type TestRecord } from './consumer-kit.js'

const causationOf: Causes['of'] = ({ metadata }) => metadata.causationId

describe.skipIf(!inject('kafkaBrokers'))('an event that follows from another', () => {
  const kit = useConsumerKit()
  const placed = (id: string) => orderRecord(id, 1, 'OrderPlaced', { total: 1 })
  const idOf = ({ headers }: TestRecord) => String(headers?.['ce_id'])
  /** A payment that some other event led to. */
  const paidBecauseOf = (id: string, cause: string) =>
    orderRecord(id, 2, 'OrderPaid', { amount: 1 }, { ce_causationid: cause })

  const start = async (orders: string, payments: string, causes: Partial<Causes> = {}) => {
    const seen: string[] = []
    const note = ({ type, aggregateId }: { type: string; aggregateId: string }) => {
      seen.push(`${type} ${aggregateId}`)
      return Promise.resolve()
    }
    const consumer = await kit.start(
      defineConsumer({
        name: orders,
        topics: [orders, payments],
        on: [
          Order,
          { OrderPlaced: (_transaction, event) => note(event), OrderPaid: (_transaction, event) => note(event) },
        ],
        causes: { of: causationOf, waitMs: 60_000, ...causes },
      }),
    )
    return { consumer, seen }
  }

  test('waits until that was handled, while others go on', async () => {
    const [orders, payments] = [await kit.topic(1), await kit.topic(1)]
    const cause = placed('o-1')
    await kit.send(payments, [paidBecauseOf('o-1', idOf(cause)), orderRecord('o-2', 2, 'OrderPaid', { amount: 1 })])
    const { consumer, seen } = await start(orders, payments)
    await until(
      async () => seen,
      (all) => all.includes('OrderPaid o-2'),
    )
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(seen).toEqual(['OrderPaid o-2'])
    await kit.send(orders, [cause])
    await until(
      async () => seen,
      (all) => all.length === 3,
    )
    expect(seen).toEqual(['OrderPaid o-2', 'OrderPlaced o-1', 'OrderPaid o-1'])
    await expect
      .poll(() => consumer.status(), { timeout: 10_000 })
      .toMatchObject({ handled: 3, failures: 0, duplicates: 0 })
  })

  test('does not wait for what was handled before, by whichever member, nor when it was handled itself', async () => {
    const [orders, payments] = [await kit.topic(1), await kit.topic(1)]
    const cause = placed('o-1')
    await kit.send(orders, [cause])
    const first = await start(orders, payments)
    await until(
      async () => first.seen,
      (all) => all.length === 1,
    )
    await first.consumer.stop()
    const effect = paidBecauseOf('o-1', idOf(cause))
    await kit.send(payments, [effect, effect])
    const second = await start(orders, payments)
    await until(
      async () => second.consumer.status(),
      ({ handled, duplicates }) => handled === 1 && duplicates === 1,
    )
    expect(second.seen).toEqual(['OrderPaid o-1'])
  })

  test.each([
    ['handle', ['OrderPaid o-1'], 0],
    ['dead-letter', [], 1],
  ] as const)('waits for so long and no longer: then it is to %s', async (otherwise, handled, deadLettered) => {
    const [orders, payments] = [await kit.topic(1), await kit.topic(1)]
    await kit.send(payments, [paidBecauseOf('o-1', 'never-sent')])
    const startedAt = performance.now()
    const { consumer, seen } = await start(orders, payments, { waitMs: 700, otherwise })
    await until(
      async () => consumer.status(),
      (status) => status.handled + status.deadLettered === 1,
    )
    expect(performance.now() - startedAt).toBeGreaterThan(700)
    expect(seen).toEqual(handled)
    expect(consumer.status().deadLettered).toBe(deadLettered)
    if (deadLettered === 0) return
    const [letter] = await kit.read(`${payments}-dlt`, 1)
    expect(letter?.headers['kafka_dlt-exception-message']?.toString()).toContain(
      'has waited 700 ms for event never-sent',
    )
  })
})
