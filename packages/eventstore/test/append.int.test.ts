import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  createEventStore,
  EventTooLargeError,
  InvalidEventError,
  VersionConflictError,
  type EventStore,
  type ExpectedVersion,
} from '../src/index.js'
import { Counter } from './counter.js'
import { useStoreDatabase } from './store-database.js'

const added = (amount = 1) => ({ type: 'Added', data: { amount } }) as const

describe('append', () => {
  const database = useStoreDatabase()
  let store: EventStore
  beforeAll(() => {
    store = createEventStore(database.pool)
  })
  afterAll(() => store.close())

  const countEvents = async () => (await database.pool.query('select from tidemark.events')).rowCount

  test('gives versions from 1 without holes, and rising positions', async () => {
    const first = await store.append(Counter, 'rise', [added(), added()], { expectedVersion: 'no-stream' })
    const second = await store.append(Counter, 'rise', [added()], { expectedVersion: 2n })
    expect(first.events.map(({ version }) => version)).toEqual([1n, 2n])
    expect(second).toMatchObject({ streamId: 'counter-rise', version: 3n, duplicate: false })
    const stored = await store.readStream('counter-rise')
    expect(stored.map(({ version }) => version)).toEqual([1n, 2n, 3n])
    expect(stored.map(({ position }) => position)).toEqual(
      [...first.events, ...second.events].map(({ position }) => position),
    )
    expect(stored.every(({ position }, index) => index === 0 || position > stored[index - 1]!.position)).toBe(true)
  })

  test.each<[ExpectedVersion, string, number, boolean]>([
    ['no-stream', 'a new stream', 0, true],
    ['no-stream', 'a stream', 2, false],
    [0, 'a new stream', 0, true],
    [0n, 'a stream', 2, false],
    ['stream-exists', 'a new stream', 0, false],
    ['stream-exists', 'a stream', 2, true],
    ['any', 'a new stream', 0, true],
    ['any', 'a stream', 2, true],
    [2, 'a stream at it', 2, true],
    [1n, 'a stream past it', 2, false],
    [3n, 'a stream before it', 2, false],
  ])('expecting %s on %s of %i events', async (expectedVersion, what, existing, accepted) => {
    const id = `expect-${String(expectedVersion)}-${typeof expectedVersion}-${existing}`
    if (existing > 0)
      await store.append(
        Counter,
        id,
        Array.from({ length: existing }, () => added()),
        { expectedVersion: 'any' },
      )
    for (const own of ['group', 'transaction'] as const) {
      const stream = `${id}-${own}`
      if (existing > 0)
        await store.append(
          Counter,
          stream,
          Array.from({ length: existing }, () => added()),
          { expectedVersion: 'any' },
        )
      const append = async () => {
        if (own === 'group') return store.append(Counter, stream, [added()], { expectedVersion })
        const client = await database.pool.connect()
        try {
          await client.query('begin')
          const result = await store.append(Counter, stream, [added()], { expectedVersion, transaction: client })
          await client.query('commit')
          return result
        } finally {
          await client.query('rollback')
          client.release()
        }
      }
      if (accepted) {
        expect(await append(), what).toMatchObject({ version: BigInt(existing + 1) })
      } else {
        const error: unknown = await append().catch((thrown: unknown) => thrown)
        expect(error).toBeInstanceOf(VersionConflictError)
        expect(error).toMatchObject({
          code: 'EVENTSTORE_VERSION_CONFLICT',
          retryable: true,
          streamId: `counter-${stream}`,
          actualVersion: BigInt(existing),
        })
      }
      expect((await store.readStream(`counter-${stream}`)).length).toBe(existing + (accepted ? 1 : 0))
    }
  })

  test('says what to do when a version conflicts', async () => {
    await store.append(Counter, 'words', [added()], { expectedVersion: 0 })
    await expect(store.append(Counter, 'words', [added()], { expectedVersion: 5 })).rejects.toThrow(
      'stream "counter-words" is at version 1, expected 5: reload and decide again',
    )
  })

  test('an empty append asks nothing of the database', async () => {
    expect(await store.append(Counter, 'empty', [], { expectedVersion: 99 })).toEqual({
      streamId: 'counter-empty',
      version: 0n,
      position: 0n,
      events: [],
      duplicate: false,
    })
  })

  test('refuses data that does not match its schema, with the path, and writes nothing', async () => {
    const before = await countEvents()
    const wrong = { type: 'Added', data: { amount: 'much' } } as unknown as ReturnType<typeof added>
    const error: unknown = await store
      .append(Counter, 'bad', [added(), wrong], { expectedVersion: 0 })
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(InvalidEventError)
    expect(error).toMatchObject({ path: '$.amount', eventType: 'Added', streamId: 'counter-bad' })
    const unknown = { type: 'Nope', data: {} } as unknown as ReturnType<typeof added>
    await expect(store.append(Counter, 'bad', [unknown], { expectedVersion: 0 })).rejects.toThrow('it has Added, Reset')
    expect(await countEvents()).toBe(before)
  })

  test('refuses a value that would come back changed, with its path', async () => {
    const append = (data: unknown) => store.appendToStream('raw-1', [{ type: 'T', data }], { expectedVersion: 'any' })
    await expect(append({ a: [{ b: Number.NaN }] })).rejects.toMatchObject({ path: '$.a[0].b' })
    await expect(append({ when: new Date() })).rejects.toMatchObject({ path: '$.when' })
    await expect(append({ 'a key': '\u0000' })).rejects.toMatchObject({ path: '$["a key"]' })
    expect(await store.readStream('raw-1')).toEqual([])
  })

  test('refuses an event over the size cap, and names storing it by reference', async () => {
    const small = createEventStore(database.pool, { maxEventBytes: 100, listen: false })
    const error: unknown = await small
      .appendToStream('big-1', [{ type: 'T', data: 'é'.repeat(60) }], { expectedVersion: 'any' })
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(EventTooLargeError)
    expect(error).toMatchObject({ bytes: 124, maxEventBytes: 100 })
    expect((error as Error).message).toContain('reference')
    await small.close()
  })

  test('twenty racing appends at any version from several stores are all stored', async () => {
    const stores = Array.from({ length: 4 }, () => createEventStore(database.pool, { listen: false }))
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        stores[index % 4]!.append(Counter, 'any-race', [added(), added()], { expectedVersion: 'any' }),
      ),
    )
    const stored = await store.readStream('counter-any-race')
    expect(stored.map(({ version }) => version)).toEqual(Array.from({ length: 40 }, (_, index) => BigInt(index + 1)))
    for (const { events } of results) {
      const [first, second] = events
      expect(second!.version).toBe(first!.version + 1n)
      expect(stored.find(({ id }) => id === first!.id)).toMatchObject({
        version: first!.version,
        position: first!.position,
      })
    }
    await Promise.all(stores.map((one) => one.close()))
  })

  test('of appends that expect one version exactly one wins, over several stores', async () => {
    const stores = Array.from({ length: 3 }, () => createEventStore(database.pool, { listen: false }))
    for (let round = 0; round < 20; round++) {
      const outcomes = await Promise.allSettled(
        stores.flatMap((one) =>
          Array.from({ length: 5 }, () =>
            one.append(Counter, `race-${round}`, [added(), added()], { expectedVersion: 'no-stream' }),
          ),
        ),
      )
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected')
          expect(outcome.reason).toMatchObject({ actualVersion: 2n, expectedVersion: 'no-stream' })
      }
      expect(await store.readStream(`counter-race-${round}`)).toHaveLength(2)
    }
    await Promise.all(stores.map((one) => one.close()))
  })

  test("a caller's transaction stays usable after a conflict, and its append is seen when it commits", async () => {
    await store.append(Counter, 'own', [added()], { expectedVersion: 0 })
    const client = await database.pool.connect()
    await client.query('begin')
    await expect(
      store.append(Counter, 'own', [added()], { expectedVersion: 0, transaction: client }),
    ).rejects.toBeInstanceOf(VersionConflictError)
    await store.append(Counter, 'own', [added()], { expectedVersion: 1, transaction: client })
    expect(await store.readStream('counter-own')).toHaveLength(1)
    await client.query('commit')
    client.release()
    expect(await store.readStream('counter-own')).toHaveLength(2)
  })

  test('a winner that is not committed yet is waited for, and its rollback lets the waiting append win', async () => {
    const client = await database.pool.connect()
    await client.query('begin')
    await store.append(Counter, 'wait', [added(1)], { expectedVersion: 0, transaction: client })
    const waiting = store.append(Counter, 'wait', [added(2)], { expectedVersion: 0 })
    await new Promise((resolve) => setTimeout(resolve, 150))
    await client.query('rollback')
    client.release()
    expect(await waiting).toMatchObject({ version: 1n })
    expect((await store.load(Counter, 'wait')).state).toEqual({ value: 2, steps: 1 })
  })
})
