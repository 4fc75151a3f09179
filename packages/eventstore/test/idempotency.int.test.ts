import { v7 as uuidv7 } from 'uuid'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEventStore, EventIdConflictError, VersionConflictError, type EventStore } from '../src/index.js'
import { Counter } from './counter.js'
import { useStoreDatabase } from './store-database.js'

describe('idempotency', () => {
  const database = useStoreDatabase()
  let store: EventStore
  beforeAll(() => {
    store = createEventStore(database.pool, { listen: false })
  })
  afterAll(() => store.close())

  const added = (amount: number, id: string = uuidv7()) => ({ type: 'Added', data: { amount }, id }) as const

  test.each(['no-stream', 'any', 0n] as const)(
    'the same events again return the first outcome (expecting %s)',
    async (expectedVersion) => {
      const stream = `again-${expectedVersion}`
      const events = [added(1), added(2)]
      const first = await store.append(Counter, stream, events, { expectedVersion })
      await store.append(Counter, stream, [added(3)], { expectedVersion: 2 })
      const again = await store.append(Counter, stream, events, { expectedVersion })
      expect(again).toEqual({ ...first, duplicate: true })
      expect((await store.load(Counter, stream)).version).toBe(3n)
    },
  )

  test('the same events sent at once by two stores are stored once', async () => {
    const other = createEventStore(database.pool, { listen: false })
    for (let round = 0; round < 50; round++) {
      const events = [added(1)]
      const results = await Promise.all(
        [store, other].map((one) => one.append(Counter, `both-${round}`, events, { expectedVersion: 'any' })),
      )
      expect(results[0]!.events).toEqual(results[1]!.events)
      expect(results.filter(({ duplicate }) => duplicate)).toHaveLength(1)
    }
    await other.close()
  })

  test('an id with other content is an error, whatever differs', async () => {
    const id = uuidv7()
    await store.append(Counter, 'content', [added(1, id)], { expectedVersion: 0 })
    const attempts = [
      store.append(Counter, 'content', [added(2, id)], { expectedVersion: 0 }),
      store.append(Counter, 'content', [{ type: 'Reset', data: {}, id }], { expectedVersion: 'any' }),
      store.append(Counter, 'elsewhere', [added(1, id)], { expectedVersion: 0 }),
      store.append(Counter, 'content', [added(1, id), added(2)], { expectedVersion: 'any' }),
    ]
    for (const outcome of await Promise.allSettled(attempts)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(EventIdConflictError) })
    }
    expect((await store.load(Counter, 'content')).version).toBe(1n)
  })

  test('a stale version with new ids is still a conflict', async () => {
    await store.append(Counter, 'stale', [added(1)], { expectedVersion: 0 })
    await expect(store.append(Counter, 'stale', [added(1)], { expectedVersion: 0 })).rejects.toBeInstanceOf(
      VersionConflictError,
    )
  })

  test("an id that a later event of an append repeats is told, and leaves the caller's transaction usable", async () => {
    const taken = added(1, uuidv7())
    await store.append(Counter, 'later', [taken], { expectedVersion: 0 })
    const repeating = [added(2), taken]
    await expect(store.append(Counter, 'later', repeating, { expectedVersion: 1 })).rejects.toMatchObject({
      constructor: EventIdConflictError,
      eventId: taken.id,
    })
    const client = await database.pool.connect()
    await client.query('begin')
    const options = { expectedVersion: 1, transaction: client }
    await expect(store.append(Counter, 'later', repeating, options)).rejects.toBeInstanceOf(EventIdConflictError)
    expect(await store.append(Counter, 'later', [added(3), added(4)], options)).toMatchObject({ version: 3n })
    await client.query('commit')
    client.release()
    expect((await store.load(Counter, 'later')).state).toEqual({ value: 8, steps: 3 })
  })

  test('an id that is no UUID is refused before anything is sent', async () => {
    await expect(store.append(Counter, 'uuid', [added(1, 'x')], { expectedVersion: 0 })).rejects.toThrow(
      'is not a UUID',
    )
  })

  test('a command that is sent again returns its first outcome and decides nothing', async () => {
    const commandId = uuidv7()
    const first = await store.execute(Counter, 'cmd', 'addTwice', { amount: 2 }, { commandId })
    await store.execute(Counter, 'cmd', 'add', { amount: 10 })
    const again = await store.execute(Counter, 'cmd', 'addTwice', { amount: 2 }, { commandId })
    expect(again).toEqual({ ...first, duplicate: true })
    expect((await store.load(Counter, 'cmd')).state).toEqual({ value: 14, steps: 3 })
    const events = await store.readStream('counter-cmd')
    expect(events[0]!.metadata).toMatchObject({ correlationId: commandId, causationId: commandId })
  })

  test('a command sent many times at once is executed once', async () => {
    const commandId = uuidv7()
    const results = await Promise.all(
      Array.from({ length: 10 }, () => store.execute(Counter, 'cmd-race', 'add', { amount: 1 }, { commandId })),
    )
    expect(new Set(results.map(({ version }) => version))).toEqual(new Set([1n]))
    expect((await store.load(Counter, 'cmd-race')).state.value).toBe(1)
  })

  test('a command id that was used for another stream is an error', async () => {
    const commandId = uuidv7()
    await store.execute(Counter, 'cmd-a', 'add', { amount: 1 }, { commandId })
    await expect(store.execute(Counter, 'cmd-b', 'add', { amount: 1 }, { commandId })).rejects.toBeInstanceOf(
      EventIdConflictError,
    )
  })
})
