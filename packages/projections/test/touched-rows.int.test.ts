import { createEventStore, type EventStore } from '@tidemark/eventstore'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createProjector, livePlaces, touchedRows, type Projector } from '../src/index.js'
import { useStoreDatabase } from './store-database.js'
import { groups, tallies, Tally } from './tally.js'

describe('touched rows', () => {
  const database = useStoreDatabase()
  const byStream = tallies('touched-tallies', { policy: 'park' })
  const byGroup = groups('touched-groups', { policy: 'park' }, 2)
  let store: EventStore
  let projector: Projector
  beforeAll(async () => {
    store = createEventStore(database.pool)
    projector = createProjector(store, [byStream, byGroup])
    await projector.start()
  })
  afterAll(async () => {
    await projector.stop()
    await store.close()
  })
  const counted = (group: string) => ({ type: 'Counted', data: { by: 1, group } }) as const
  const append = async (id: string, ...events: ReturnType<typeof counted>[]) =>
    (await store.append(Tally, id, events, { expectedVersion: 'any' })).position

  /** The log is read up to a head that is known, and that may be an older one. */
  const untilReadable = (upTo: bigint) => expect.poll(async () => (await store.head()).position >= upTo).toBe(true)

  test('are those of the events between two positions, once for each', async () => {
    const after = await append('before', counted('x'))
    const first = await append('a', counted('x+y'))
    const upTo = await append('b', counted('y'))
    await append('later', counted('z'))
    await untilReadable(upTo)
    const range = { after, upTo, limit: 100 }
    expect(await touchedRows(store, byStream, range)).toEqual({
      ...{ through: upTo, certain: true },
      touched: [
        { key: 'a', position: first },
        { key: 'b', position: upTo },
      ],
    })
    const { touched } = await touchedRows(store, byGroup, range)
    expect(touched.map(({ key }) => key)).toEqual(['x', 'y', 'y'])
    const part = await touchedRows(store, byStream, { ...range, limit: 1 })
    expect(part).toMatchObject({ through: first, touched: [{ key: 'a' }], certain: true })
  })

  test('are not certain where an event was deleted, or is one that this code does not know', async () => {
    const after = (await store.head()).position
    const upTo = await append('cut', counted('x'), counted('x'))
    await untilReadable(upTo)
    await store.truncateStream('tally-cut', { beforeVersion: 2, withoutSnapshot: true, evenIfUnread: true })
    expect((await touchedRows(store, byStream, { after, upTo, limit: 100 })).certain).toBe(false)
    expect((await touchedRows(store, byStream, { after: upTo - 1n, upTo, limit: 100 })).certain).toBe(true)
    const newer = await store.appendToStream('tally-newer', [{ type: 'Renamed', data: {} }], { expectedVersion: 'any' })
    await untilReadable(newer.position)
    const unknown = await touchedRows(store, byStream, { after: upTo, upTo: newer.position, limit: 100 })
    expect(unknown).toEqual({ touched: [], through: newer.position, certain: false })
  })

  test('belong to a live table, which is at a place of its own', async () => {
    expect(await livePlaces(store, ['nobody'])).toEqual([])
    const [place] = await livePlaces(store, [byGroup.name])
    expect(place).toMatchObject({ name: byGroup.name, version: 1, inline: false, fedBy: undefined })
    expect(place?.revision).toContain(place?.table)
  })
})
