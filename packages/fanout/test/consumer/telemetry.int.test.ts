import { describe, expect, inject, test } from 'vitest'
import { defineConsumer, NotRetriableError } from '../../src/index.js'
import { useFigures } from '../collect-figures.js'
import { Order } from '../order.js'
import { until } from '../until.js'
import { orderRecord, useConsumerKit } from './consumer-kit.js'

describe.skipIf(!inject('kafkaBrokers'))('the figures of a consumer', () => {
  const kit = useConsumerKit()
  const collect = useFigures()

  test('tell what became of records, what stands still, and how far the group is behind, until it stops', async () => {
    const topic = await kit.topic(2)
    const placed = [0, 1, 2].map((n) => orderRecord(`o-${n}`, 1, 'OrderPlaced', { total: n }))
    const paid = orderRecord('o-0', 2, 'OrderPaid', { amount: 1 })
    const poison = orderRecord('poison', 1, 'OrderPlaced', { total: -1 })
    await kit.send(topic, [...placed, placed[0]!, paid])
    const consumer = await kit.start(
      defineConsumer({
        name: topic,
        topics: [topic],
        deadLetter: false,
        on: [
          Order,
          {
            OrderPlaced: (_transaction, { data }) =>
              data.total < 0 ? Promise.reject(new NotRetriableError('less than nothing')) : Promise.resolve(),
          },
        ],
      }),
    )
    await until(
      async () => consumer.status(),
      ({ handled, duplicates, passed }) => handled + duplicates + passed === 5,
    )
    await kit.send(topic, [
      { ...poison, partition: 1 },
      { ...placed[1]!, partition: 1 },
    ])
    await until(
      async () => consumer.status(),
      ({ halted }) => halted.length === 1,
    )
    const figures = await until(collect, (seen) => lagOf(seen, 1) === 2 && lagOf(seen, 0) === 0)
    const halted = figures.find(({ name }) => name === 'tidemark.consumer.halted_partitions')
    expect(halted?.value).toBe(1)
    const age = figures.find(
      ({ name, attributes }) =>
        name === 'tidemark.consumer.lag_time' && attributes['messaging.destination.partition.id'] === '1',
    )
    expect(age?.value).toBeGreaterThan(0)
    await consumer.stop()
    expect(await collect()).toEqual([])
  })

  test('count records by their outcome', async () => {
    const topic = await kit.topic(1)
    const first = orderRecord('o-1', 1, 'OrderPlaced', { total: 1 })
    await kit.send(topic, [first, first, orderRecord('o-1', 2, 'OrderPaid', { amount: 1 })])
    const on = [Order, { OrderPlaced: () => Promise.resolve() }] as const
    const consumer = await kit.start(defineConsumer({ name: topic, topics: [topic], on }))
    await until(
      async () => consumer.status(),
      ({ handled, duplicates, passed }) => handled + duplicates + passed === 3,
    )
    const counts = (await collect()).filter(({ name }) => name === 'tidemark.consumer.records')
    const byOutcome = Object.fromEntries(counts.map(({ attributes, value }) => [attributes['tidemark.outcome'], value]))
    expect(byOutcome).toEqual({ handled: 1, duplicate: 1, passed: 1, dead_lettered: 0 })
    await consumer.stop()
  })
})

function lagOf(
  figures: readonly { readonly name: string; readonly attributes: object; readonly value: unknown }[],
  partition: number,
): unknown {
  return figures.find(
    ({ name, attributes }) =>
      name === 'tidemark.consumer.lag' &&
      'messaging.destination.partition.id' in attributes &&
      attributes['messaging.destination.partition.id'] === String(partition),
  )?.value
}
