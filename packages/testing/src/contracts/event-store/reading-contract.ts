import { UnknownEventError, type RecordedEvent, type ReadStreamOptions } from '@tidemark/eventstore'
import { beforeAll, describe, expect, test } from 'vitest'
import { added, Counter, Person } from './contract-aggregates.js'
import type { Subject } from './store-under-test.js'

async function all(walk: AsyncIterable<RecordedEvent>): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = []
  for await (const event of walk) events.push(event)
  return events
}

/** Streams, the log, and aggregates as they are and as they were. */
export function describeReading(subject: Subject): void {
  describe('reading', () => {
    let start: bigint
    beforeAll(async () => {
      const { store } = subject()
      start = (await store.head()).position
      for (let round = 0; round < 3; round++) {
        for (const streamId of ['left-1', 'right-1']) {
          const events = Array.from({ length: 10 }, (_, n) => ({ type: n === 7 ? 'Rare' : 'Common', data: n }))
          await store.appendToStream(streamId, events, { expectedVersion: 'any' })
        }
      }
    })

    test.each([1, 7, 30, 1000])('walks a stream in pages of %i, both ways, from and to a version', async (limit) => {
      const { store } = subject()
      const upwards = Array.from({ length: 30 }, (_, index) => index + 1)
      const versions = async (options: ReadStreamOptions) =>
        (await all(store.walkStream('left-1', { limit, ...options }))).map(({ version }) => Number(version))
      expect(await versions({})).toEqual(upwards)
      expect(await versions({ direction: 'backwards' })).toEqual(upwards.toReversed())
      expect(await versions({ fromVersion: 10n, toVersion: 20n })).toEqual(upwards.slice(9, 20))
      expect(await versions({ fromVersion: 10n, toVersion: 20n, direction: 'backwards' })).toEqual(
        upwards.slice(9, 20).toReversed(),
      )
    })

    test('reads a part of a stream, at most so many events', async () => {
      const { store } = subject()
      const versions = async (options: ReadStreamOptions) =>
        (await store.readStream('left-1', options)).map(({ version }) => version)
      expect(await versions({ limit: 2 })).toEqual([1n, 2n])
      expect(await versions({ limit: 2, direction: 'backwards' })).toEqual([30n, 29n])
      expect(await versions({ fromVersion: 29n })).toEqual([29n, 30n])
      expect(await versions({ fromVersion: 31n })).toEqual([])
      expect(await store.readStream('left-unknown')).toEqual([])
    })

    test.each([3, 60, 1000])('walks the log in pages of %i, filtered without skipping', async (pageSize) => {
      const { store } = subject()
      const here = { categories: ['left', 'right'], after: start, pageSize }
      const everything = await all(store.walkLog(here))
      expect(everything).toHaveLength(60)
      const positions = everything.map(({ position }) => position)
      expect(positions.every((position, index) => index === 0 || position > (positions[index - 1] ?? 0n))).toBe(true)
      for (const filter of [
        { types: ['Rare'] },
        { categories: ['left'] },
        { types: ['Rare', 'Common'], categories: ['right'] },
        { types: ['Rare'], categories: ['right'] },
        { types: ['Never'] },
      ]) {
        const wanted = everything.filter(
          ({ type, category }) =>
            (filter.types?.includes(type) ?? true) && (filter.categories?.includes(category) ?? true),
        )
        const found = await all(store.walkLog({ after: start, pageSize, ...filter }))
        expect(found.map(({ id }) => id)).toEqual(wanted.map(({ id }) => id))
      }
      const part = everything.slice(10, 40)
      const [after = 0n, upTo = 0n] = [positions[9], positions[39]]
      expect(await all(store.walkLog({ ...here, after, upTo }))).toEqual(part)
    })

    test('the head is at the last event that was stored', async () => {
      const { store } = subject()
      const { position } = await store.append(Counter, 'head', [added()], { expectedVersion: 0 })
      expect((await store.head()).position).toBe(position)
    })

    test('what was read is the reader’s own', async () => {
      const { store } = subject()
      await store.appendToStream('left-own', [{ type: 'T', data: { list: [1] } }], { expectedVersion: 0 })
      const [event] = await store.readStream('left-own')
      ;(event?.data as { list: number[] }).list.push(2)
      expect((await store.readStream('left-own'))[0]?.data).toEqual({ list: [1] })
    })

    test('loads an aggregate at its newest version, at an older one, and at a time', async () => {
      const { store } = subject()
      const times: Date[] = []
      for (let amount = 1; amount <= 7; amount++) {
        const { version } = await store.execute(Counter, 'past', 'add', { amount })
        const [event] = await store.readStream('counter-past', { fromVersion: version })
        times.push(new Date(Number(event?.recordedAt) + 2))
        await new Promise((resolve) => setTimeout(resolve, 6))
      }
      expect(await store.load(Counter, 'past')).toMatchObject({ state: { value: 28, steps: 7 }, version: 7n })
      expect(await store.load(Counter, 'past', { atVersion: 3n })).toMatchObject({ state: { value: 6 }, version: 3n })
      const [, second = new Date(0)] = times
      expect(await store.load(Counter, 'past', { at: second })).toMatchObject({ state: { value: 3 }, version: 2n })
      expect(await store.load(Counter, 'past', { at: new Date(0) })).toMatchObject({ version: 0n, state: { value: 0 } })
      expect(await store.load(Counter, 'nobody')).toMatchObject({ state: { value: 0 }, version: 0n, position: 0n })
    })

    test('older events are upcast step by step; unknown ones are refused by name', async () => {
      const { store } = subject()
      const named = (id: string, data: unknown, schemaVersion?: number, type = 'Named') =>
        store.appendToStream(`person-${id}`, [{ type, data, ...(schemaVersion !== undefined && { schemaVersion }) }], {
          expectedVersion: 'no-stream',
        })
      await named('1', { name: 'Ada Lovelace' })
      await named('2', { first: 'Ada', last: 'Byron' }, 2)
      expect((await store.load(Person, '1')).state).toEqual({ last: 'Lovelace', tags: [] })
      expect((await store.load(Person, '2')).state).toEqual({ last: 'Byron', tags: [] })
      await named('3', {}, 4)
      await expect(store.load(Person, '3')).rejects.toMatchObject({ constructor: UnknownEventError, schemaVersion: 4 })
      await named('4', {}, 1, 'Renamed')
      await expect(store.load(Person, '4')).rejects.toMatchObject({ eventType: 'Renamed' })
    })
  })
}
