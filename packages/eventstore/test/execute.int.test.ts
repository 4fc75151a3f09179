import { z } from 'zod'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  CommandRejectedError,
  createEventStore,
  defineAggregate,
  event,
  InvalidCommandError,
  reject,
  UnknownCommandError,
  UnknownEventError,
  VersionConflictError,
  type EventStore,
} from '../src/index.js'
import { Counter } from './counter.js'
import { useStoreDatabase } from './store-database.js'

describe('execute and load', () => {
  const database = useStoreDatabase()
  let store: EventStore
  beforeAll(() => {
    store = createEventStore(database.pool, { listen: false })
  })
  afterAll(() => store.close())

  test('decides on the state and returns the new one, as it will be loaded', async () => {
    const { state, version, events } = await store.execute(Counter, 'a', 'addTwice', { amount: 4 })
    expect({ state, version, events: events.length }).toEqual({ state: { value: 8, steps: 2 }, version: 2n, events: 2 })
    expect((await store.load(Counter, 'a')).state).toEqual(state)
  })

  test('an aggregate without events has its initial state', async () => {
    expect(await store.load(Counter, 'nobody')).toMatchObject({
      state: { value: 0, steps: 0 },
      version: 0n,
      position: 0n,
    })
  })

  test('a command may decide that nothing happens', async () => {
    expect(await store.execute(Counter, 'idle', 'nothing', {})).toMatchObject({
      version: 0n,
      events: [],
      duplicate: false,
    })
  })

  test('a rejected command, wrong input and an unknown command are told apart, and write nothing', async () => {
    await expect(store.execute(Counter, 'b', 'add', { amount: -1 })).rejects.toMatchObject({
      constructor: CommandRejectedError,
      rejection: 'below-zero',
      streamId: 'counter-b',
    })
    const wrong: unknown = await store
      .execute(Counter, 'b', 'add', { amount: 'x' as unknown as number })
      .catch((e: unknown) => e)
    expect(wrong).toBeInstanceOf(InvalidCommandError)
    expect(wrong).toMatchObject({ issues: [{ path: '$.amount' }] })
    await expect(store.execute(Counter, 'b', 'subtract' as 'add', { amount: 1 })).rejects.toMatchObject({
      constructor: UnknownCommandError,
      known: ['add', 'addTwice', 'nothing'],
    })
    await expect(store.execute(Counter, 'b', 'toString' as 'add', { amount: 1 })).rejects.toBeInstanceOf(
      UnknownCommandError,
    )
    expect(await store.readStream('counter-b')).toEqual([])
  })

  test('a conflict is decided again when no version was demanded, and thrown when one was', async () => {
    const others = Array.from({ length: 3 }, () => createEventStore(database.pool, { listen: false }))
    const results = await Promise.all(
      Array.from({ length: 24 }, (_, index) => others[index % 3]!.execute(Counter, 'busy', 'add', { amount: 1 })),
    )
    expect((await store.load(Counter, 'busy')).state.value).toBe(24)
    expect(new Set(results.map(({ version }) => version)).size).toBe(24)
    await expect(store.execute(Counter, 'busy', 'add', { amount: 1 }, { expectedVersion: 3n })).rejects.toBeInstanceOf(
      VersionConflictError,
    )
    await Promise.all(others.map((one) => one.close()))
  })

  test('commands that contend for a stream take turns: none decides again and again', async () => {
    let decided = 0
    const Watched = defineAggregate({
      ...Counter,
      name: 'watched',
      commands: (command) => ({
        add: command(z.object({ amount: z.number() }), (_state, data) => {
          decided++
          return { type: 'Added', data }
        }),
        refuse: command(z.object({}), () => reject('never', 'no')),
      }),
      snapshot: { every: 100, version: 1 },
    })
    const callers = 60
    const results = await Promise.all(
      Array.from({ length: callers }, () => store.execute(Watched, 'hot', 'add', { amount: 1 })),
    )
    expect(new Set(results.map(({ version }) => version)).size).toBe(callers)
    expect((await store.load(Watched, 'hot')).state.value).toBe(callers)
    // Each may lose once before it has its turn.
    expect(decided).toBeLessThanOrEqual(2 * callers + 10)
    // A turn ends however its command does: with a rejection, or withdrawn.
    const abort = new AbortController()
    const mixed = await Promise.allSettled([
      ...Array.from({ length: 10 }, () => store.execute(Watched, 'hot', 'add', { amount: 1 })),
      store.execute(Watched, 'hot', 'refuse', {}),
      store.execute(Watched, 'hot', 'add', { amount: 1 }, { signal: AbortSignal.abort(new Error('withdrawn')) }),
      store.execute(Watched, 'hot', 'add', { amount: 1 }, { signal: abort.signal }),
    ])
    expect(mixed.filter(({ status }) => status === 'fulfilled')).toHaveLength(11)
    expect(await store.execute(Watched, 'hot', 'add', { amount: 1 })).toMatchObject({ state: { value: callers + 12 } })
  })

  test('older events are upcast step by step; unknown ones are refused by name', async () => {
    const events = (version: number) => ({
      Named: event(z.object({ first: z.string(), last: z.string(), tags: z.array(z.string()) }), {
        version,
        upcast: {
          1: ({ name }) => ({ first: String(name).split(' ')[0], last: String(name).split(' ')[1] }),
          2: (v2) => ({ ...v2, tags: [] }),
        },
      }),
    })
    const Person = defineAggregate({
      name: 'person',
      initialState: () => ({ last: '', tags: ['none'] }),
      events: events(3),
      evolve: { Named: (_state, { data }) => ({ last: data.last, tags: data.tags }) },
      commands: () => ({}),
    })
    await store.appendToStream('person-1', [{ type: 'Named', data: { name: 'Ada Lovelace' } }], { expectedVersion: 0 })
    expect((await store.load(Person, '1')).state).toEqual({ last: 'Lovelace', tags: [] })
    await store.appendToStream('person-2', [{ type: 'Named', data: {}, schemaVersion: 4 }], { expectedVersion: 0 })
    await expect(store.load(Person, '2')).rejects.toMatchObject({ constructor: UnknownEventError, schemaVersion: 4 })
    await store.appendToStream('person-3', [{ type: 'Renamed', data: {} }], { expectedVersion: 0 })
    await expect(store.load(Person, '3')).rejects.toMatchObject({
      constructor: UnknownEventError,
      eventType: 'Renamed',
    })
  })

  test('a stream of more than one page is folded whole', async () => {
    const many = Array.from({ length: 2503 }, () => ({ type: 'Added', data: { amount: 1 } }) as const)
    await store.append(Counter, 'pages', many, { expectedVersion: 0 })
    const Plain = defineAggregate({ ...Counter, commands: () => ({}), snapshot: { every: 1_000_000, version: 9 } })
    for (const aggregate of [Counter, Plain]) {
      expect(await store.load(aggregate, 'pages')).toMatchObject({
        state: { value: 2503 },
        version: 2503n,
        eventsRead: 2503,
      })
    }
    expect((await store.load(Counter, 'pages', { atVersion: 1500n })).state.value).toBe(1500)
    const back = await store.readStream('counter-pages', { direction: 'backwards', limit: 2, toVersion: 2000n })
    expect(back.map(({ version }) => version)).toEqual([2000n, 1999n])
  })

  test('metadata carries correlation, causation, actor and trace', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    await store.execute(
      Counter,
      'meta',
      'add',
      { amount: 1 },
      { correlationId: 'c-1', causationId: 'e-1', actor: 'ada', traceparent },
    )
    const [stored] = await store.readStream('counter-meta')
    expect(stored!.metadata).toEqual({ correlationId: 'c-1', causationId: 'e-1', actor: 'ada', traceparent })
    expect(stored).toMatchObject({ category: 'counter', aggregateId: 'meta', schemaVersion: 1 })
    expect(Math.abs(stored!.recordedAt.getTime() - Date.now())).toBeLessThan(60_000)
  })
})
