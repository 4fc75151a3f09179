import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  ConfigurationError,
  createEventStore,
  defineAggregate,
  type EventStore,
  type SnapshotPolicy,
} from '../src/index.js'
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

  test('by size: once the data since the last one is large enough, whoever appended it', async () => {
    const Sized = withSnapshots('sized', { everyBytes: 500, version: 1 })
    const note = 'x'.repeat(220)
    await store.execute(Sized, 's', 'add', { amount: 1 })
    await store.append(Sized, 's', [{ type: 'Added', data: { amount: 1, note } }], { expectedVersion: 1 })
    await store.execute(Sized, 's', 'add', { amount: 1 })
    await store.flushSnapshots()
    expect(await snapshotOf('sized-s')).toEqual([])
    await store.append(Sized, 's', [{ type: 'Added', data: { amount: 1, note } }], { expectedVersion: 3 })
    await store.execute(Sized, 's', 'add', { amount: 1 })
    await store.flushSnapshots()
    expect(await snapshotOf('sized-s')).toMatchObject([{ version: '5' }])
    await store.execute(Sized, 's', 'add', { amount: 1 })
    await store.flushSnapshots()
    expect(await snapshotOf('sized-s')).toMatchObject([{ version: '5' }])
  })

  test('by time: at the first command after an event has got old enough', async () => {
    let now = new Date('2026-01-01T00:00:00Z')
    const clocked = createEventStore(database.pool, { listen: false, clock: () => now })
    const Aged = withSnapshots('aged', { everyMs: 3_600_000, version: 1 })
    const later = async (minutes: number) => {
      now = new Date(now.getTime() + minutes * 60_000)
      await clocked.execute(Aged, 'a', 'add', { amount: 1 })
      await clocked.flushSnapshots()
      return (await snapshotOf('aged-a')).map(({ version }) => version)
    }
    expect(await later(0)).toEqual([])
    expect(await later(59)).toEqual([])
    expect(await later(1)).toEqual(['3'])
    expect(await later(30)).toEqual(['3'])
    expect(await later(59)).toEqual(['3'])
    expect(await later(1)).toEqual(['6'])
    await clocked.close()
  })

  test('whichever comes first, and a policy that never could is refused', async () => {
    const Either = withSnapshots('either', { every: 3, everyBytes: 1_000_000, everyMs: 1_000_000, version: 1 })
    for (let n = 0; n < 3; n++) await store.execute(Either, 'e', 'add', { amount: 1 })
    await store.flushSnapshots()
    expect(await snapshotOf('either-e')).toMatchObject([{ version: '3' }])
    expect(() => withSnapshots('none', { version: 1 })).toThrow(ConfigurationError)
    expect(() => withSnapshots('zero', { every: 0, version: 1 })).toThrow(/snapshot.every /)
    expect(() => withSnapshots('part', { everyBytes: 1.5, version: 1 })).toThrow(/snapshot.everyBytes /)
  })

  test('those of older versions go a week after they were written, and not before', async () => {
    const policy = (version: number) => withSnapshots('pruned', { every: 1, version })
    for (const version of [1, 2, 4]) {
      await store.execute(policy(version), 'p', 'add', { amount: 1 })
      await store.flushSnapshots()
    }
    await database.pool.query(
      `update tidemark.snapshots set created_at = now() - (case snapshot_version when 1 then 8 else 6 end) * interval '1 day'
        where stream_id = 'pruned-p'`,
    )
    await database.pool.query(
      `insert into tidemark.snapshots select tenant, 'pruned-other', snapshot_version, version, event_id, state, created_at
         from tidemark.snapshots where stream_id = 'pruned-p' and snapshot_version = 1`,
    )
    await store.execute(policy(3), 'p', 'add', { amount: 1 })
    await store.flushSnapshots()
    const left = (await snapshotOf('pruned-p')).map(({ snapshot_version }) => snapshot_version)
    expect(left.toSorted()).toEqual([2, 3, 4])
    expect(await snapshotOf('pruned-other')).toHaveLength(1)
  })

  test('what is ignored is told, and why', async () => {
    const told: unknown[] = []
    const tell = (fields: object) => void told.push('reason' in fields ? fields.reason : undefined)
    const logger = { debug: tell, info: tell, warn: tell, error: tell }
    const watched = createEventStore(database.pool, { listen: false, logger })
    const policy = (version: number) =>
      withSnapshots('told', { every: 2, version, schema: z.object({ value: z.number() }) })
    for (let n = 0; n < 2; n++) await store.execute(policy(1), 't', 'add', { amount: 1 })
    await store.flushSnapshots()
    const whole = { state: { value: 2 }, version: 2n, snapshotVersion: 0n, eventsRead: 2 }
    expect(await watched.load(policy(1), 't')).toMatchObject({ snapshotVersion: 2n, eventsRead: 0 })
    expect(await watched.load(policy(1), 't', { atVersion: 1n })).toMatchObject({ eventsRead: 1 })
    expect(told).toEqual([])
    expect(await watched.load(policy(2), 't')).toMatchObject(whole)
    expect(told).toEqual(['other-version'])
    for (const state of ['[]', '{"value": "2"}', 'null']) {
      await database.pool.query(`update tidemark.snapshots set state = $1 where stream_id = 'told-t'`, [state])
      expect(await watched.load(policy(1), 't'), state).toMatchObject(whole)
    }
    expect(told.slice(1)).toEqual(['corrupt', 'corrupt', 'corrupt'])
    await database.pool.query(`update tidemark.snapshots set version = 9 where stream_id = 'told-t'`)
    expect(await watched.load(policy(1), 't')).toMatchObject(whole)
    expect(told.slice(4)).toEqual(['not-in-stream'])
    await watched.close()
  })
})

function withSnapshots(name: string, snapshot: SnapshotPolicy) {
  return defineAggregate({ ...Counter, name, commands: () => Counter.commands, snapshot })
}
