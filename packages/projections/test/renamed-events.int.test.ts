import { createEventStore, defineAggregate, event, type EventStore } from '@tidemark/eventstore'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { createProjector, defineHandler, defineProjection, rebuildProjection } from '../src/index.js'
import { rowsOf } from './order-log.js'
import { useStoreDatabase } from './store-database.js'

const Tank = defineAggregate({
  name: 'tank',
  initialState: () => ({}),
  events: {
    TankFilled: event(z.object({ litres: z.number() }), {
      version: 2,
      upcast: { 1: ({ gallons }) => ({ litres: Number(gallons) * 4 }) },
      formerly: ['Filled'],
    }),
  },
  evolve: { TankFilled: (state) => state },
  commands: () => ({}),
  retired: ['Inspected'],
})
const tankLevels = defineProjection({
  ...{ name: 'tank-levels', version: 1, schema: z.object({ tankId: z.string(), litres: z.number() }), key: 'tankId' },
  on: [
    Tank,
    { TankFilled: (row, { aggregateId, data }) => ({ tankId: aggregateId, litres: (row?.litres ?? 0) + data.litres }) },
  ],
})

const database = useStoreDatabase()
let store: EventStore
beforeAll(() => {
  store = createEventStore(database.pool)
})
afterAll(() => store.close())

test('events that were stored under a former name reach projections, rebuilds and handlers as the present type', async () => {
  const seen: unknown[] = []
  const handler = defineHandler({
    ...{ name: 'fillings', version: 1, on: Tank },
    async handle(_transaction, events) {
      seen.push(...events.map(({ type, data }) => ({ type, litres: data.litres })))
    },
  })
  const { position } = await store.appendToStream(
    'tank-1',
    [
      { type: 'Filled', schemaVersion: 1, data: { gallons: 2 } },
      { type: 'Inspected', schemaVersion: 1, data: {} },
      { type: 'Filled', schemaVersion: 2, data: { litres: 3 } },
      { type: 'TankFilled', schemaVersion: 2, data: { litres: 4 } },
    ],
    { expectedVersion: 'no-stream' },
  )
  const projector = createProjector(store, [tankLevels, handler])
  await projector.start()
  try {
    for (const name of ['tank-levels', 'fillings']) {
      expect(await projector.waitFor(name, position, { timeoutMs: 10_000 })).toBe('reached')
    }
  } finally {
    await projector.stop()
  }
  expect(seen).toEqual([8, 3, 4].map((litres) => ({ type: 'TankFilled', litres })))
  expect(await rowsOf(store, tankLevels)).toEqual([{ tankId: '1', litres: 15 }])
  expect((await rebuildProjection(store, tankLevels)).events).toBe(3)
  expect(await rowsOf(store, tankLevels)).toEqual([{ tankId: '1', litres: 15 }])
})
