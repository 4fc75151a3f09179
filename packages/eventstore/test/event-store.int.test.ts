import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEventStore, type EventStore } from '../src/index.js'
import { Counter } from './counter.js'
import { useStoreDatabase } from './store-database.js'

describe('the event store', () => {
  const database = useStoreDatabase()
  let store: EventStore
  beforeAll(() => {
    store = createEventStore(database.pool)
  })
  afterAll(() => store.close())

  test('executes commands and loads what they made', async () => {
    const first = await store.execute(Counter, 'a', 'add', { amount: 5 })
    expect(first).toMatchObject({ state: { value: 5, steps: 1 }, version: 1n, duplicate: false })
    const second = await store.execute(Counter, 'a', 'addTwice', { amount: 2 })
    expect(second).toMatchObject({ state: { value: 9, steps: 3 }, version: 3n })
    expect(second.position).toBeGreaterThan(first.position)
    expect(await store.load(Counter, 'a')).toMatchObject({ state: { value: 9, steps: 3 }, version: 3n })
    expect(await store.load(Counter, 'a', { atVersion: 2n })).toMatchObject({
      state: { value: 7, steps: 2 },
      version: 2n,
    })
  })
  test('many appends at once', async () => {
    const t = performance.now()
    await Promise.all(
      Array.from({ length: 2000 }, (_, i) =>
        store.append(Counter, `m-${i}`, [{ type: 'Added', data: { amount: i } }], { expectedVersion: 0 }),
      ),
    )
    await Promise.all(
      Array.from({ length: 500 }, () =>
        store.append(Counter, `hot`, [{ type: 'Added', data: { amount: 1 } }], { expectedVersion: 'any' }),
      ),
    )
    console.log(performance.now() - t)
    expect((await store.load(Counter, 'hot')).version).toBe(500n)
    const r = await Promise.allSettled(
      Array.from({ length: 50 }, () =>
        store.append(Counter, `race`, [{ type: 'Added', data: { amount: 1 } }], { expectedVersion: 0 }),
      ),
    )
    expect(r.filter((x) => x.status === 'fulfilled')).toHaveLength(1)
  })
})
