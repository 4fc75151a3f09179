import pg from 'pg'
import { afterEach, expect, test } from 'vitest'
import { createEventStore, type DatabaseError, type EventStore } from '../src/index.js'
import { Counter } from './counter.js'
import { useStoreDatabase } from './store-database.js'

const database = useStoreDatabase()
const stores: EventStore[] = []
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()))
})
const added = (amount = 1) => ({ type: 'Added', data: { amount } }) as const
const dated = (times: string[], generateId?: () => string) => {
  const clock = () => new Date(times.shift()!)
  const store = createEventStore(database.pool, { listen: false, clock, ...(generateId && { generateId }) })
  stores.push(store)
  return store
}

test('events have the time of the clock that was given, to the millisecond, by every way of appending', async () => {
  const times = [
    '2031-01-01T00:00:00.001Z',
    '2031-01-01T00:00:00.002Z',
    '2020-01-01T00:00:00.003Z',
    '2031-02-01T00:00:00.004Z',
  ]
  let n = 0
  const store = dated([...times], () => `01980000-0000-7000-8000-${String(++n).padStart(12, '0')}`)
  await store.append(Counter, 'one', [added(), added()], { expectedVersion: 0 })
  await store.execute(Counter, 'one', 'add', { amount: 3 })
  await store.appendToStreams([
    { streamId: 'counter-one', expectedVersion: 3, events: [added()] },
    { streamId: 'counter-other', expectedVersion: 'no-stream', events: [] },
  ])
  const events = await store.readStream('counter-one')
  expect(events.map(({ recordedAt }) => recordedAt.toISOString())).toEqual(times)
  const ends = events.map(({ id }) => Number(id.slice(-12)))
  expect(ends).toEqual(ends.toSorted((a, b) => a - b))
  const { version } = await store.load(Counter, 'one', { at: new Date('2030-01-01') })
  expect(version).toBeLessThan(4n)
})

test('ids of events carry its time too, unless a generator was given', async () => {
  const store = dated(Array.from({ length: 10 }, () => '2031-05-06T07:08:09.010Z'))
  const { events } = await store.append(Counter, 'ids', [added(), added()], { expectedVersion: 0 })
  expect(events.map(({ id }) => Number.parseInt(id.replace('-', '').slice(0, 12), 16))).toEqual([
    Date.parse('2031-05-06T07:08:09.010Z'),
    Date.parse('2031-05-06T07:08:09.010Z'),
  ])
})

test('a writer may not choose the time of its events', async () => {
  const pool = new pg.Pool({ connectionString: database.directUrl, options: '-c role=tidemark_writer' })
  const options = { listen: false, clock: () => new Date('1999-01-01') } as const
  const [forger, honest] = [createEventStore(pool, options), createEventStore(pool, { listen: false })]
  stores.push(forger, honest)
  const forged = forger.append(Counter, 'forged', [added()], { expectedVersion: 0 })
  await expect(forged).rejects.toMatchObject({ kind: 'permission' } satisfies Partial<DatabaseError>)
  await honest.append(Counter, 'honest', [added()], { expectedVersion: 0 })
  await Promise.all(stores.splice(0).map((store) => store.close()))
  await pool.end()
})
