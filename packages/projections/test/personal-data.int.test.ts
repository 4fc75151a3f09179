import { createEventStore, defineAggregate, event, type EventStore } from '@tidemark/eventstore'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  createProjector,
  defineHandler,
  defineProjection,
  readModelsIn,
  rebuildProjection,
  replay,
  type ProjectionStore,
} from '../src/index.js'
import { rowsOf } from './order-log.js'
import { readModelSchema, useReadModelDatabase } from './read-model-database.js'
import { useStoreDatabase } from './store-database.js'

const Person = defineAggregate({
  name: 'person',
  initialState: () => ({ steps: 0 }),
  events: {
    Named: event(z.object({ name: z.string() }), {
      personal: { subject: () => 'p-7', fields: { name: 'somebody' } },
    }),
    Moved: event(z.object({})),
  },
  evolve: { Named: (state) => ({ steps: state.steps + 1 }), Moved: (state) => ({ steps: state.steps + 1 }) },
  commands: (command) => ({ move: command(z.object({}), () => ({ type: 'Moved', data: {} })) }),
  snapshot: { every: 3, version: 1 },
})

const people = defineProjection({
  name: 'people',
  version: 1,
  schema: z.object({ id: z.string(), name: z.string(), moves: z.int() }),
  key: 'id',
  on: [
    Person,
    {
      Named: (row, { aggregateId, data }) => ({ id: aggregateId, name: data.name, moves: row?.moves ?? 0 }),
      Moved: (row, { aggregateId }) => ({ id: aggregateId, name: row?.name ?? '?', moves: (row?.moves ?? 0) + 1 }),
    },
  ],
})

describe.each(['of the log', 'of its own'])('a projection of personal data in a database %s', (where) => {
  const database = useStoreDatabase()
  const readDatabase = useReadModelDatabase()
  let store: EventStore
  let readModels: ProjectionStore
  beforeAll(async () => {
    store = createEventStore(database.pool)
    const elsewhere = () => readModelsIn(store, readDatabase.pool, { schema: readModelSchema })
    readModels = where === 'of the log' ? store : await elsewhere()
  })
  afterAll(() => store.close())

  test('folds it in clear, and its replacement once it is forgotten and the table is built anew', async () => {
    const seen: unknown[] = []
    const greetings = defineHandler({
      name: 'greetings',
      version: 1,
      on: Person,
      handle: async (_, events) => void seen.push(...events.map(({ data }) => data)),
    })
    const projector = createProjector(readModels, [people, greetings])
    await projector.start()
    const { position } = await store.append(
      Person,
      '7',
      [
        { type: 'Named', data: { name: 'Ada' } },
        { type: 'Moved', data: {} },
      ],
      { expectedVersion: 0 },
    )
    for (const name of ['people', 'greetings']) {
      expect(await projector.waitFor(name, position, { timeoutMs: 5000 })).toBe('reached')
    }
    expect(await rowsOf(readModels, people)).toEqual([{ id: '7', name: 'Ada', moves: 1 }])
    expect(seen).toEqual([{ name: 'Ada' }, {}])

    await store.forgetSubject('p-7', { reason: 'request' })
    await rebuildProjection(readModels, people)
    expect(await rowsOf(readModels, people)).toEqual([{ id: '7', name: 'somebody', moves: 1 }])
    expect(await replay(readModels, people)).toMatchObject({ events: 2, rowsWritten: 1 })
    await projector.stop()
  })

  test('a table that is built over a truncated log holds what is left, and follows on', async () => {
    for (let index = 0; index < 4; index++) await store.execute(Person, '8', 'move', {})
    await store.flushSnapshots()
    const projector = createProjector(readModels, [people])
    await projector.start()
    const { position } = await store.head()
    expect(await projector.waitFor('people', position, { timeoutMs: 5000 })).toBe('reached')
    const { schema } = readModels.database
    await readModels.pool.query(`delete from ${schema}.checkpoints where name like '%greetings%'`)
    await readModels.noteProgress?.('now')
    await store.truncateStream('person-8', { beforeVersion: 4, aggregate: Person })
    expect(await rowsOf(readModels, people)).toContainEqual({ id: '8', name: '?', moves: 4 })
    await rebuildProjection(readModels, people)
    expect(await rowsOf(readModels, people)).toContainEqual({ id: '8', name: '?', moves: 1 })
    const more = await store.execute(Person, '8', 'move', {})
    expect(more).toMatchObject({ state: { steps: 5 }, version: 5n })
    expect(await projector.waitFor('people', more.position, { timeoutMs: 5000 })).toBe('reached')
    expect(await rowsOf(readModels, people)).toContainEqual({ id: '8', name: '?', moves: 2 })
    await projector.stop()
  })
})
