import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createEventStore, defineAggregate, event, InvalidEventError, type EventStore } from '../src/index.js'
import { useStoreDatabase } from './store-database.js'

const count = (state: { value: number }, { data }: { data: { amount: number } }) => ({
  value: state.value + data.amount,
})

/** The same streams, as three releases of a program see them. */
const Meter = defineAggregate({
  name: 'meter',
  initialState: () => ({ value: 0 }),
  events: { Counted: event(z.object({ amount: z.number() })), Noted: event(z.object({ note: z.string() })) },
  evolve: { Counted: count, Noted: (state) => state },
  commands: (command) => ({
    count: command(z.object({ amount: z.number() }), (_state, data) => [
      { type: 'Counted', data },
      { type: 'Noted', data: { note: 'n' } },
    ]),
  }),
  snapshot: { every: 5, version: 1 },
})
const RenamedMeter = defineAggregate({
  name: 'meter',
  initialState: () => ({ value: 0 }),
  events: { Measured: event(z.object({ amount: z.number() }), { formerly: ['Counted'] }) },
  evolve: { Measured: count },
  commands: (command) => ({
    measure: command(z.object({ amount: z.number() }), (_state, data) => ({ type: 'Measured', data })),
  }),
  snapshot: { every: 5, version: 1 },
  retired: ['Noted'],
})

describe('streams of more than one release', () => {
  const database = useStoreDatabase()
  let store: EventStore
  beforeAll(() => {
    store = createEventStore(database.pool, { listen: false })
  })
  afterAll(() => store.close())

  test('are folded by the newest, on snapshots of older ones, and every event counts as a version', async () => {
    for (let amount = 1; amount <= 4; amount++) {
      await store.execute(Meter, 'a', 'count', { amount })
      await store.flushSnapshots()
    }
    const loaded = await store.load(RenamedMeter, 'a')
    expect(loaded).toMatchObject({ state: { value: 10 }, version: 8n, snapshotVersion: 6n, eventsRead: 2 })
    const { version, state } = await store.execute(RenamedMeter, 'a', 'measure', { amount: 5 })
    expect({ version, state }).toEqual({ version: 9n, state: { value: 15 } })
    const full = defineAggregate({ ...RenamedMeter, commands: () => ({}), snapshot: { every: 5, version: 2 } })
    expect(await store.load(full, 'a')).toMatchObject({ state: { value: 15 }, version: 9n, eventsRead: 9 })
  })

  test('are stopped at by the older code, which does not know the new name', async () => {
    await store.execute(RenamedMeter, 'b', 'measure', { amount: 1 })
    await expect(store.load(Meter, 'b')).rejects.toMatchObject({
      code: 'EVENTSTORE_UNKNOWN_EVENT',
      eventType: 'Measured',
    })
  })

  test('are read by the release before a rename once it knows the coming name', async () => {
    await store.execute(RenamedMeter, 'two-steps', 'measure', { amount: 3 })
    const Between = defineAggregate({
      ...Meter,
      events: { ...Meter.events, Counted: event(z.object({ amount: z.number() }), { formerly: ['Measured'] }) },
      commands: () => ({}),
      snapshot: { every: 5, version: 1 },
    })
    expect((await store.load(Between, 'two-steps')).state).toEqual({ value: 3 })
  })

  test('are never appended to under a former name or a retired type', async () => {
    const append = (type: string, data: unknown) =>
      store.append(RenamedMeter, 'c', [{ type, data } as never], { expectedVersion: 'any' })
    await expect(append('Counted', { amount: 1 })).rejects.toThrow(InvalidEventError)
    await expect(append('Counted', { amount: 1 })).rejects.toThrow('only reads events of this type: append Measured')
    await expect(append('Noted', { note: 'n' })).rejects.toThrow('only reads events of this type: it is retired')
    expect(await store.readStream('meter-c')).toEqual([])
  })
})
