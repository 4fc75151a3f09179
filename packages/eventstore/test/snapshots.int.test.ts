import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEventStore, defineAggregate, type EventStore } from '../src/index.js'
import { Counter } from './counter.js'
import { useStoreDatabase } from './store-database.js'

const added = (count: number) => Array.from({ length: count }, () => ({ type: 'Added', data: { amount: 1 } }) as const)

describe('snapshots', () => {
  const database = useStoreDatabase()
  let store: EventStore
  beforeAll(() => {
    store = createEventStore(database.pool, { listen: false })
  })
  afterAll(() => store.close())

  const snapshotOf = async (stream: string) =>
    (
      await database.pool.query<{ version: string; snapshot_version: number }>(
        'select * from tidemark.snapshots where stream_id = $1',
        [stream],
      )
    ).rows

  test('with one every 100 events, loading a stream of 503 reads 3', async () => {
    await store.append(Counter, 'long', added(499), { expectedVersion: 0 })
    await store.execute(Counter, 'long', 'add', { amount: 1 })
    await store.flushSnapshots()
    expect(await snapshotOf('counter-long')).toMatchObject([{ version: '500', snapshot_version: 1 }])
    await store.append(Counter, 'long', added(3), { expectedVersion: 500 })
    expect(await store.load(Counter, 'long')).toMatchObject({
      state: { value: 503, steps: 503 },
      version: 503n,
      snapshotVersion: 500n,
      eventsRead: 3,
    })
  })

  test('a load at an older version does not use a newer snapshot', async () => {
    expect(await store.load(Counter, 'long', { atVersion: 42n })).toMatchObject({
      state: { value: 42 },
      snapshotVersion: 0n,
    })
  })

  test('no snapshot before the policy asks for one; a command of several events may pass the mark', async () => {
    await store.append(Counter, 'mark', added(97), { expectedVersion: 0 })
    await store.execute(Counter, 'mark', 'addTwice', { amount: 1 })
    await store.flushSnapshots()
    expect(await snapshotOf('counter-mark')).toEqual([])
    await store.execute(Counter, 'mark', 'addTwice', { amount: 1 })
    await store.flushSnapshots()
    expect(await snapshotOf('counter-mark')).toMatchObject([{ version: '101' }])
  })

  test('one that was due and never came is made up for', async () => {
    await store.append(Counter, 'late', added(150), { expectedVersion: 0 })
    await store.execute(Counter, 'late', 'add', { amount: 1 })
    await store.flushSnapshots()
    expect(await snapshotOf('counter-late')).toEqual([])
    await store.append(Counter, 'late', added(100), { expectedVersion: 151 })
    await store.execute(Counter, 'late', 'add', { amount: 1 })
    await store.flushSnapshots()
    expect(await snapshotOf('counter-late')).toMatchObject([{ version: '252' }])
  })

  test('a snapshot of another version of the aggregate, or whose event is gone, is ignored', async () => {
    await store.append(Counter, 'stale', added(99), { expectedVersion: 0 })
    await store.execute(Counter, 'stale', 'add', { amount: 1 })
    await store.flushSnapshots()
    const Newer = defineAggregate({
      ...Counter,
      commands: () => Counter.commands,
      snapshot: { every: 100, version: 2 },
    })
    expect(await store.load(Newer, 'stale')).toMatchObject({ state: { value: 100 }, eventsRead: 100 })
    await database.pool.query(
      `update tidemark.snapshots set state = '{"value": -1, "steps": 0}', event_id = gen_random_uuid() where stream_id = 'counter-stale'`,
    )
    expect(await store.load(Counter, 'stale')).toMatchObject({ state: { value: 100, steps: 100 }, eventsRead: 100 })
  })

  test('a snapshot that cannot be written costs nothing but speed', async () => {
    const Strange = defineAggregate({
      ...Counter,
      name: 'strange',
      initialState: () => ({ value: 0, steps: Number.NaN }),
      commands: () => Counter.commands,
      snapshot: { every: 1, version: 1 },
    })
    expect(await store.execute(Strange, 's', 'add', { amount: 1 })).toMatchObject({ version: 1n })
    await store.flushSnapshots()
    expect(await snapshotOf('strange-s')).toEqual([])
    expect(await store.load(Strange, 's')).toMatchObject({ version: 1n })
  })
})
