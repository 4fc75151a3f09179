import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEventStore, type EventStore, type RecordedEvent } from '../src/index.js'
import { Counter } from './counter.js'
import { useStoreDatabase } from './store-database.js'

describe('reading', () => {
  const database = useStoreDatabase()
  let store: EventStore
  beforeAll(async () => {
    store = createEventStore(database.pool, { listen: false })
    for (let round = 0; round < 5; round++) {
      await store.appendToStream(
        'order-1',
        Array.from({ length: 50 }, (_, n) => ({ type: n === 7 ? 'Rare' : 'Common', data: n })),
        { expectedVersion: 'any' },
      )
      await store.appendToStream(
        'other-1',
        Array.from({ length: 50 }, (_, n) => ({ type: n === 9 ? 'Rare' : 'Common', data: n })),
        { expectedVersion: 'any' },
      )
    }
  })
  afterAll(() => store.close())

  const all = async (walk: AsyncIterable<RecordedEvent>) => {
    const events: RecordedEvent[] = []
    for await (const event of walk) events.push(event)
    return events
  }

  test.each([1, 7, 250, 251, 1000])(
    'walks a stream in pages of %i, both ways, from and to a version',
    async (limit) => {
      const versions = async (options: Parameters<EventStore['walkStream']>[1]) =>
        (await all(store.walkStream('order-1', { limit, ...options }))).map(({ version }) => Number(version))
      const upwards = Array.from({ length: 250 }, (_, index) => index + 1)
      expect(await versions({})).toEqual(upwards)
      expect(await versions({ direction: 'backwards' })).toEqual(upwards.toReversed())
      expect(await versions({ fromVersion: 10n, toVersion: 20n })).toEqual(upwards.slice(9, 20))
      expect(await versions({ fromVersion: 10n, toVersion: 20n, direction: 'backwards' })).toEqual(
        upwards.slice(9, 20).toReversed(),
      )
    },
  )

  test.each([3, 50, 1000])(
    'walks the log in pages of %i, filtered by type and category without skipping',
    async (pageSize) => {
      const everything = await all(store.walkLog({ pageSize }))
      expect(everything).toHaveLength(500)
      for (const filter of [
        { types: ['Rare'] },
        { categories: ['order'] },
        { types: ['Rare', 'Common'], categories: ['other'] },
        { types: ['Rare'], categories: ['other'] },
        { types: ['Never'] },
      ]) {
        const wanted = everything.filter(
          ({ type, category }) =>
            (filter.types?.includes(type) ?? true) && (filter.categories?.includes(category) ?? true),
        )
        expect((await all(store.walkLog({ pageSize, ...filter }))).map(({ id }) => id)).toEqual(
          wanted.map(({ id }) => id),
        )
      }
      const [after, upTo] = [everything[99]!.position, everything[399]!.position]
      expect((await all(store.walkLog({ pageSize, after, upTo }))).map(({ id }) => id)).toEqual(
        everything.slice(100, 400).map(({ id }) => id),
      )
    },
  )

  test('nothing more is read once the consumer breaks off', async () => {
    let seen = 0
    for await (const event of store.walkStream('order-1', { limit: 10 })) {
      expect(event.version).toBe(BigInt(++seen))
      if (seen === 3) break
    }
    expect(seen).toBe(3)
  })

  test('loads an aggregate as it was at a time', async () => {
    const times: Date[] = []
    for (let amount = 1; amount <= 3; amount++) {
      await store.execute(Counter, 'past', 'add', { amount })
      await new Promise((resolve) => setTimeout(resolve, 20))
      times.push((await database.pool.query<{ now: Date }>('select clock_timestamp() as now')).rows[0]!.now)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect((await store.load(Counter, 'past', { at: times[0]! })).state.value).toBe(1)
    expect((await store.load(Counter, 'past', { at: times[1]! })).state.value).toBe(3)
    expect((await store.load(Counter, 'past', { at: times[2]! })).state.value).toBe(6)
    expect(await store.load(Counter, 'past', { at: new Date(0) })).toMatchObject({ version: 0n, state: { value: 0 } })
  })

  test('reads the events at positions in the order of the log, and leaves out what is not there', async () => {
    const log = await all(store.walkLog())
    const wanted = [log[300]!, log[2]!, log[499]!]
    const positions = [...wanted.map(({ position }) => position), 9_223_372_036_854_775_807n]
    expect(await store.readEventsAt(positions)).toEqual([wanted[1], wanted[0], wanted[2]])
    expect(await store.readEventsAt([])).toEqual([])
  })
})
