import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEventStore, selectStreams, traceEvents, type EventStore, type RecordedEvent } from '../src/index.js'
import { useStoreDatabase } from './store-database.js'

describe('looking at a log', () => {
  const database = useStoreDatabase()
  let store: EventStore
  const all: RecordedEvent[] = []

  beforeAll(async () => {
    store = createEventStore(database.pool, { listen: false })
    const append = async (streamId: string, type: string, metadata: Record<string, string> = {}) => {
      const { events } = await store.appendToStream(streamId, [{ type, data: {}, metadata }], {
        expectedVersion: 'any',
      })
      return events[0]!.id
    }
    const early = await append('a-1', 'Early', { correlationId: 'talk' })
    for (let n = 0; n < 20; n++) await append('noise-1', 'Noise')
    const cause = await append('a-1', 'Cause', { causationId: early })
    const middle = await append('b-1', 'Middle', { causationId: cause, correlationId: 'talk' })
    await append('b.x-1', 'Effect', { causationId: middle })
    for (let n = 0; n < 20; n++) await append('noise-1', 'Noise')
    await append('bb-1', 'Late', { correlationId: 'talk' })
    for await (const event of store.walkLog()) all.push(event)
  })
  afterAll(() => store.close())

  const trace = async (type: string, window: bigint, limit = 500) => {
    const starts = all.filter((event) => event.type === type)
    const { position: head } = await store.head()
    const { events, searched } = await traceEvents(store.database, starts, { head, window, limit })
    return { found: events.map((event) => event.type), ...searched }
  }

  test('an event has its causes wherever they are, and the rest of its conversation in the window', async () => {
    expect(await trace('Middle', 100n)).toEqual({
      ...{ found: ['Early', 'Cause', 'Middle', 'Effect', 'Late'], from: 1n, to: 45n, complete: true },
    })
    expect(await trace('Middle', 1n)).toEqual({
      ...{ found: ['Early', 'Cause', 'Middle', 'Effect'], from: 22n, to: 24n, complete: false },
    })
  })

  test('what is beyond the window may be missed, and that is told', async () => {
    expect(await trace('Early', 21n)).toMatchObject({ found: ['Early', 'Cause'], to: 22n, complete: false })
    expect(await trace('Early', 22n)).toMatchObject({ found: ['Early', 'Cause', 'Middle'], to: 23n, complete: false })
    // It names no conversation, so nothing before its first cause can belong to it.
    expect(await trace('Effect', 23n)).toMatchObject({ from: 1n, complete: true })
    expect(await trace('Effect', 21n)).toMatchObject({ from: 3n, to: 45n, complete: false })
  })

  test('as much is found as there is room for, and that is told', async () => {
    expect(await trace('Middle', 100n, 3)).toMatchObject({ found: ['Early', 'Cause', 'Middle'], complete: false })
    expect(await trace('Middle', 100n, 5)).toMatchObject({ found: expect.arrayContaining(['Late']), complete: true })
  })

  test('several events have windows of their own', async () => {
    const { position: head } = await store.head()
    const starts = all.filter(({ type }) => type === 'Early' || type === 'Late')
    const { events, searched } = await traceEvents(store.database, starts, { head, window: 1n, limit: 500 })
    expect(events.map(({ type }) => type)).toEqual(['Early', 'Late'])
    expect(searched).toEqual({ from: 1n, to: head, complete: false })
  })

  test('streams are listed by the beginning of their ids, with their newest events', async () => {
    const ids = async (prefix: string, after = '', limit = 50) =>
      (await selectStreams(store.database, { prefix, after, limit })).map(({ streamId }) => streamId)
    expect(await ids('')).toEqual(['a-1', 'b-1', 'b.x-1', 'bb-1', 'noise-1'])
    expect(await ids('b-')).toEqual(['b-1'])
    expect(await ids('b')).toEqual(['b-1', 'b.x-1', 'bb-1'])
    expect(await ids('b', 'b-1', 1)).toEqual(['b.x-1'])
    expect(await selectStreams(store.database, { prefix: 'a', limit: 1 })).toEqual([
      {
        ...{ streamId: 'a-1', category: 'a', version: 2n, lastType: 'Cause', lastPosition: 22n },
        lastRecordedAt: all[21]!.recordedAt,
      },
    ])
  })
})
