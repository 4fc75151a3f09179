import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  createEventStore,
  StreamTruncatedError,
  TruncationRefusedError,
  type EventStore,
  type RecordedEvent,
} from '../src/index.js'
import { Counter } from './counter.js'
import { useStoreDatabase } from './store-database.js'

const added = (count: number) => Array.from({ length: count }, () => ({ type: 'Added', data: { amount: 1 } }) as const)

describe('truncation', () => {
  const database = useStoreDatabase()
  let store: EventStore
  beforeAll(() => {
    store = createEventStore(database.pool, { listen: false, pollIntervalMs: 20 })
  })
  afterAll(() => store.close())

  /** A stream of `events` events with a snapshot at 100. */
  const counted = async (id: string, events: number) => {
    await store.append(Counter, id, added(99), { expectedVersion: 0 })
    await store.execute(Counter, id, 'add', { amount: 1 })
    await store.flushSnapshots()
    if (events > 100) await store.append(Counter, id, added(events - 100), { expectedVersion: 100 })
  }
  const refused = (refusal: string) => ({ name: TruncationRefusedError.name, refusal })
  const following = (name: string, seen: RecordedEvent[] = []) =>
    store.subscribe({
      name,
      handle: async ({ events, to, checkpoint }) => {
        await checkpoint.advance(database.pool, to)
        seen.push(...events)
      },
    })
  const placeOf = async (name: string) =>
    (
      await database.pool.query<{ position: string }>('select position from tidemark.checkpoints where name = $1', [
        name,
      ])
    ).rows[0]?.position
  const reached = (name: string, position: bigint) =>
    expect.poll(async () => BigInt((await placeOf(name)) ?? 0)).toBe(position)

  test.each([101, 100, 42])('an aggregate loads from its snapshot after a cut before version %i', async (before) => {
    const id = `loads-${before}`
    await counted(id, 103)
    const whole = await store.load(Counter, id)
    expect(await store.truncateStream(`counter-${id}`, { beforeVersion: before, reason: 'old' })).toEqual({
      streamId: `counter-${id}`,
      deletedEvents: BigInt(before - 1),
    })
    expect(await store.load(Counter, id)).toEqual(whole)
    expect((await store.readStream(`counter-${id}`)).map(({ version }) => version)[0]).toBe(BigInt(before))
    expect(await store.execute(Counter, id, 'add', { amount: 1 })).toMatchObject({
      version: 104n,
      state: { value: 104 },
    })
    // Again, and lower: there is nothing left to do.
    expect(await store.truncateStream(`counter-${id}`, { beforeVersion: before })).toMatchObject({ deletedEvents: 0n })
  })

  test('what can no longer be known is an error, never a state', async () => {
    const before = new Date(Date.now() - 3_600_000)
    await counted('known', 150)
    await store.truncateStream('counter-known', { beforeVersion: 101n })
    for (const options of [{ atVersion: 42n }, { atVersion: 99n }, { at: before }]) {
      await expect(store.load(Counter, 'known', options)).rejects.toBeInstanceOf(StreamTruncatedError)
    }
    expect(await store.load(Counter, 'known', { atVersion: 120n })).toMatchObject({ state: { value: 120 } })
    expect(await store.load(Counter, 'known', { atVersion: 0n })).toMatchObject({ version: 0n, state: { value: 0 } })
    await database.pool.query(`delete from tidemark.snapshots where stream_id = 'counter-known'`)
    await expect(store.load(Counter, 'known')).rejects.toMatchObject({ firstVersion: 101n, reachedVersion: 0n })
    await expect(store.execute(Counter, 'known', 'add', { amount: 1 })).rejects.toBeInstanceOf(StreamTruncatedError)
  })

  test('a snapshot below a later cut is not taken for the beginning', async () => {
    await counted('twice', 150)
    await store.truncateStream('counter-twice', { beforeVersion: 101n })
    await store.truncateStream('counter-twice', { beforeVersion: 140n, withoutSnapshot: true })
    await expect(store.load(Counter, 'twice')).rejects.toBeInstanceOf(StreamTruncatedError)
    await expect(store.load(Counter, 'twice', { atVersion: 120n })).rejects.toBeInstanceOf(StreamTruncatedError)
  })

  test('a command whose stream moves on and is cut under it loads anew', async () => {
    await counted('moved', 100)
    // Between its load and its append the stream gets a hundred events, a snapshot, and is cut.
    let interfered = false
    const interfere = async () => {
      interfered = true
      await store.append(Counter, 'moved', added(99), { expectedVersion: 100 })
      await store.execute(Counter, 'moved', 'add', { amount: 1 })
      await store.flushSnapshots()
      await store.truncateStream('counter-moved', { beforeVersion: 200n })
    }
    const pool = Object.assign(Object.create(database.pool) as pg.Pool, {
      query: async (query: pg.QueryConfig) => {
        if (!interfered && query.text.includes('insert into tidemark.events')) await interfere()
        return database.pool.query(query)
      },
    })
    const slow = createEventStore(pool, { listen: false })
    expect(await slow.execute(Counter, 'moved', 'add', { amount: 1 })).toMatchObject({
      version: 201n,
      state: { value: 201 },
    })
    expect(interfered).toBe(true)
    await slow.close()
  })

  test('the snapshot at the cut is not replaced by an older one that was on its way', async () => {
    await counted('late', 103)
    await store.truncateStream('counter-late', { beforeVersion: 101n })
    const stale = {
      version: 60n,
      snapshotVersion: 0n,
      position: 0n,
      eventsRead: 60,
      bytesRead: 0,
      firstReadAt: undefined,
      lastEventId: crypto.randomUUID(),
    }
    const { SnapshotWriter } = await import('../src/snapshot-writer.js')
    const writer = new SnapshotWriter(
      store.database,
      { debug() {}, info() {}, warn() {}, error() {} },
      () => new Date(),
    )
    writer.offer(
      { ...Counter, snapshot: { every: 10, version: 1 } },
      'counter-late',
      {
        ...stale,
        state: { value: 60 },
      },
      1,
    )
    await writer.flush()
    expect(await store.load(Counter, 'late')).toMatchObject({ state: { value: 103 }, snapshotVersion: 100n })
  })

  test('refused: the last event, a stream without events, a cut above the snapshot', async () => {
    await counted('refused', 110)
    const truncate = (beforeVersion: bigint, options = {}) =>
      store.truncateStream('counter-refused', { beforeVersion, ...options })
    await expect(truncate(111n)).rejects.toMatchObject(refused('last-event'))
    await expect(truncate(102n)).rejects.toMatchObject(refused('no-snapshot'))
    const Newer = { ...Counter, snapshot: { every: 100, version: 2 } }
    await expect(truncate(101n, { aggregate: Newer })).rejects.toMatchObject(refused('no-snapshot'))
    await expect(store.truncateStream('counter-nobody', { beforeVersion: 2 })).rejects.toMatchObject(
      refused('no-stream'),
    )
    await expect(truncate(0n)).rejects.toThrow('from 1')
    expect(await store.load(Counter, 'refused', { atVersion: 1n })).toMatchObject({ version: 1n })
    expect(await truncate(102n, { withoutSnapshot: true })).toMatchObject({ deletedEvents: 101n })
  })

  test('events are archived in order before any is deleted; a failing archive keeps them', async () => {
    await store.append(Counter, 'archive', added(2500), { expectedVersion: 0 })
    const pages: RecordedEvent[][] = []
    const options = { beforeVersion: 2400, withoutSnapshot: true }
    const failing = async () => {
      if (pages.length === 2) throw new Error('the archive is full')
      pages.push([])
      await Promise.resolve()
    }
    await expect(store.truncateStream('counter-archive', { ...options, archive: failing })).rejects.toThrow('is full')
    expect(await store.load(Counter, 'archive', { atVersion: 1n })).toMatchObject({ version: 1n })
    pages.length = 0
    const archive = async (events: readonly RecordedEvent[]) => {
      const { rows } = await database.pool.query(`select from tidemark.events where stream_id = 'counter-archive'`)
      expect(rows).toHaveLength(2500)
      pages.push([...events])
    }
    await store.truncateStream('counter-archive', { ...options, archive })
    expect(pages.map(({ length }) => length)).toEqual([1000, 1000, 399])
    expect(pages.flat().map(({ version }) => version)).toEqual(Array.from({ length: 2399 }, (_, i) => BigInt(i + 1)))
  })

  test('the tombstone says what was done, why and by whom', async () => {
    await counted('tombstone', 101)
    await store.truncateStream('counter-tombstone', { beforeVersion: 50, reason: 'ten years', actor: 'Ada' })
    const { rows } = await database.pool.query(
      `select before_version, deleted_events, reason, actor from tidemark.stream_truncations where stream_id = 'counter-tombstone'`,
    )
    expect(rows).toEqual([{ before_version: '50', deleted_events: '49', reason: 'ten years', actor: 'Ada' }])
  })

  test('a subscriber that rests on a truncated event goes on; one that has not read it holds the truncation', async () => {
    await counted('rest', 103)
    const resting = following('resting')
    const { position } = await store.head()
    await reached('resting', position)
    await resting.stop()
    // The last event of the log, and so the one of the checkpoint, goes as well: another stream ends the log.
    const slow = following('slow')
    await reached('slow', position)
    await slow.stop()
    await store.append(Counter, 'rest', added(2), { expectedVersion: 103 })
    await expect(
      store.truncateStream('counter-rest', { beforeVersion: 105, withoutSnapshot: true }),
    ).rejects.toMatchObject({ ...refused('unread'), message: expect.stringContaining('resting, slow') })
    await store.truncateStream('counter-rest', { beforeVersion: 105, withoutSnapshot: true, evenIfUnread: true })

    const seen: RecordedEvent[] = []
    const again = following('resting', seen)
    await reached('resting', (await store.head()).position)
    expect(again.state).toBe('running')
    expect(seen.map(({ version }) => version)).toEqual([105n])
    await again.stop()

    // A log in which that event never was is still found out.
    await database.pool.query(`update tidemark.truncated_events set id = gen_random_uuid()`)
    const lost = following('slow')
    await lost.ended
    expect(lost.state).toBe('failed')
    await database.pool.query(`delete from tidemark.checkpoints`)
  })

  test('who reads from the beginning sees what is left, and positions are not used again', async () => {
    await counted('left', 103)
    const { lastPosition } = await store.head()
    await store.truncateStream('counter-left', { beforeVersion: 101 })
    const seen: RecordedEvent[] = []
    const fresh = following('fresh', seen)
    await reached('fresh', lastPosition)
    await fresh.stop()
    const left = seen.filter(({ aggregateId }) => aggregateId === 'left')
    expect(left.map(({ version }) => version)).toEqual([101n, 102n, 103n])
    const { position } = await store.append(Counter, 'left', added(1), { expectedVersion: 103 })
    expect(position).toBeGreaterThan(lastPosition)
  })
})
