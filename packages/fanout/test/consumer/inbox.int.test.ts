import { defineAggregate, event } from '@tidemark/eventstore'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import {
  causedBy,
  createBridge,
  defineBatchConsumer,
  defineBridge,
  defineConsumer,
  forgetInbox,
  pruneInbox,
  StreamGapError,
} from '../../src/index.js'
import { appendOrders, Order, orderIds } from '../order.js'
import { until } from '../until.js'
import { orderRecord, ownProducer, useConsumerKit } from './consumer-kit.js'

const Shipment = defineAggregate({
  name: 'shipment',
  initialState: () => ({}),
  events: { ShipmentPlanned: event(z.object({ total: z.number() })) },
  evolve: { ShipmentPlanned: (state) => state },
  commands: () => ({}),
})

describe.skipIf(!inject('kafkaBrokers'))('an inbox', () => {
  const kit = useConsumerKit()
  beforeAll(async () => {
    await kit.pool.query('create table seen (id bigint generated always as identity, topic text, text text)')
  })
  const seen = async (topic: string) => {
    const { rows } = await kit.pool.query<{ text: string }>('select text from seen where topic = $1 order by id', [
      topic,
    ])
    return rows.map(({ text }) => text)
  }
  const note = 'insert into seen (topic, text) values ($1, $2)'

  test('by version passes over what it had, counts events that nobody handles, and finds a gap', async () => {
    const topic = await kit.topic()
    const paid = (version: number) => orderRecord('v', version, 'OrderPaid', { amount: version })
    const shipped = orderRecord('v', 3, 'OrderShipped', { trackingId: 't' })
    await kit.send(topic, [paid(1), paid(2), paid(1), shipped, paid(4), paid(6), paid(5)])
    const definition = defineConsumer({
      name: 'by-version',
      group: topic,
      topics: [topic],
      inbox: 'version',
      deadLetter: false,
      on: [Order, { OrderPaid: async (tx, { data }) => void (await tx.query(note, [topic, String(data.amount)])) }],
    })
    const consumer = await kit.start(definition)
    const failed = await until(
      async () => consumer.status(),
      ({ state }) => state === 'failed',
    )
    expect(await seen(topic)).toEqual(['1', '2', '4'])
    expect(failed.halted).toMatchObject([{ partition: `${topic}/0`, error: { handled: 4n, received: 6n } }])
    expect(failed.halted[0]!.error).toBeInstanceOf(StreamGapError)
    expect(failed).toMatchObject({ duplicates: 1, passed: 1 })
    await consumer.stop()
    // The gap is still there for the next one, and the records behind it were not passed over.
    const accepting = defineBatchConsumer({
      ...{ name: 'by-version', group: topic, topics: [topic], deadLetter: false, on: Order, types: ['OrderPaid'] },
      inbox: { by: 'version', gaps: 'accept' },
      handleBatch: async (tx, events) => {
        for (const { version } of events) await tx.query(note, [topic, String(version)])
      },
    })
    const again = await kit.start(accepting)
    await until(
      () => seen(topic),
      ({ length }) => length === 4,
    )
    await until(
      async () => again.status(),
      ({ duplicates }) => duplicates === 1,
    )
    expect(await seen(topic)).toEqual(['1', '2', '4', '6'])
  })

  test('row, effect and appended events are one commit', async () => {
    const topic = await kit.topic(2)
    await appendOrders(kit.store, orderIds('atomic', 10))
    const producer = ownProducer(kit.brokers)
    const bridge = createBridge(kit.store, defineBridge({ name: topic, from: [Order], topic }), { producer })
    await bridge.start()
    let crashes = 0
    const definition = defineConsumer({
      name: 'planner',
      group: topic,
      topics: [topic],
      retry: { attempts: 5, initialDelayMs: 10 },
      on: [
        Order,
        {
          OrderPlaced: async (transaction, placed) => {
            await transaction.query(note, [topic, placed.aggregateId])
            const planned = {
              type: 'ShipmentPlanned' as const,
              data: { total: placed.data.total },
              metadata: causedBy(placed),
            }
            await kit.store.append(Shipment, placed.aggregateId, [planned], {
              expectedVersion: 'no-stream',
              transaction,
            })
            if (crashes++ % 3 === 0) throw new Error('after the append')
          },
        },
      ],
    })
    const consumer = await kit.start(definition)
    await until(
      async () => consumer.status(),
      ({ handled, passed }) => handled === 10 && passed === 20,
    )
    await bridge.stop()
    await producer.disconnect()
    expect(crashes).toBeGreaterThan(10)
    expect((await seen(topic)).sort()).toEqual(orderIds('atomic', 10).sort())
    for (const id of orderIds('atomic', 10)) {
      const [order] = await kit.store.readStream(`order-${id}`)
      const shipments = await kit.store.readStream(`shipment-${id}`)
      expect(shipments).toHaveLength(1)
      expect(shipments[0]!.metadata).toMatchObject({ causationId: order!.id, correlationId: order!.id })
    }
  })

  test('forgets by age, and when it is told to', async () => {
    const topic = await kit.topic()
    await kit.send(topic, [orderRecord('old', 1, 'OrderPaid', { amount: 1 })])
    const definition = defineConsumer({
      name: topic,
      topics: [topic],
      inbox: { by: 'id', keepMs: 3_600_000 },
      on: [Order, { OrderPaid: () => Promise.resolve() }],
    })
    const consumer = await kit.start(definition)
    await until(
      async () => consumer.status(),
      ({ handled }) => handled === 1,
    )
    expect(await pruneInbox(kit.store, definition)).toBe(0)
    await kit.pool.query(`update tidemark.inbox set handled_at = now() - interval '61 minutes' where consumer = $1`, [
      topic,
    ])
    expect(await pruneInbox(kit.pool, definition)).toBe(1)
    await kit.send(topic, [orderRecord('old', 1, 'OrderPaid', { amount: 1 })])
    await until(
      async () => consumer.status(),
      ({ handled }) => handled === 2,
    )
    expect(await forgetInbox(kit.store, definition)).toBe(1)
    expect(await forgetInbox(kit.store, definition)).toBe(0)
  })
})
