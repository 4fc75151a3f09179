import { ConfigurationError, type Queryable } from '@tidemark/eventstore'
import { expect, test } from 'vitest'
import { describeEventStore } from '../src/contracts.js'
import { createInMemoryStore } from '../src/index.js'
import { Order, placed } from './order.js'

const noTransaction: Queryable = {
  query: () => {
    throw new TypeError('there is no database')
  },
}

describeEventStore('the store in memory', () => {
  const store = createInMemoryStore()
  return { store, other: store, inTransaction: (work) => work(noTransaction) }
})

test('takes time and ids from where it is told', async () => {
  let made = 0
  const store = createInMemoryStore({
    clock: () => new Date('2026-01-02T03:04:05Z'),
    generateId: () => `00000000-0000-4000-8000-${String(++made).padStart(12, '0')}`,
  })
  await store.append(Order, 'o-1', [placed], { expectedVersion: 'no-stream' })
  const [event] = await store.readStream('order-o-1')
  expect(event).toMatchObject({
    id: '00000000-0000-4000-8000-000000000001',
    recordedAt: new Date('2026-01-02T03:04:05Z'),
  })
})

test('joins no transaction', async () => {
  const transaction = noTransaction as never
  const append = createInMemoryStore().append(Order, 'o-1', [placed], { expectedVersion: 'any', transaction })
  await expect(append).rejects.toBeInstanceOf(ConfigurationError)
})
