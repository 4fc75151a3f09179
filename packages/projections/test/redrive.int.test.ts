import { Checkpoint, createEventStore, type EventStore } from '@tidemark/eventstore'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  createProjector,
  defineHandler,
  diffProjection,
  incompleteRows,
  listParked,
  rebuildProjection,
  retryParked,
  skipParked,
  tryParked,
  type AnyProjection,
  type Projection,
  type Projector,
} from '../src/index.js'
import { isInShard } from '../src/shard.js'
import { selectTables } from '../src/sql/registry-statements.js'
import { rowsOf } from './order-log.js'
import { useStoreDatabase } from './store-database.js'
import { code, groups, tallies, Tally } from './tally.js'

const park = { policy: 'park', retries: 0 } as const

describe('events that were parked', () => {
  const database = useStoreDatabase({ max: 20 })
  let store: EventStore
  let projector: Projector | undefined
  let number = 0
  let name: string
  beforeAll(() => {
    store = createEventStore(database.pool)
  })
  beforeEach(async () => {
    code.takesThirteen = false
    name = `redrive-${++number}`
    await database.pool.query('truncate tidemark.events')
  })
  afterEach(async () => {
    await projector?.stop()
    projector = undefined
  })
  afterAll(() => store.close())

  const start = async (...projections: AnyProjection[]) => {
    projector = createProjector(store, projections, { watchIntervalMs: 50, leaseMs: 1000 })
    await projector.start()
    return projector
  }
  const count = (id: string, by: number, group = 'even') =>
    store.append(Tally, id, [{ type: 'Counted', data: { by, group } }], { expectedVersion: 'any' })
  const reached = async () =>
    expect(await projector?.waitFor(name, (await store.head()).position, { timeoutMs: 10_000 })).toBe('reached')
  /** As a table that is built from the log alone has them. */
  const expectAsBuilt = async (projection: Projection) => {
    await rebuildProjection(store, projection, { promote: false })
    const { added, changed, removed } = await diffProjection(store, projection)
    expect({ added, changed, removed }).toEqual({ added: 0, changed: 0, removed: 0 })
  }

  test.each([1, 3])(
    'are handled in order once the code takes them, and their rows are as if they had never failed (%i shards)',
    async (shards) => {
      const projection = tallies(name, park, shards)
      await start(projection)
      for (const by of [1, 13, 2, 13, 3]) await count('a', by)
      for (const by of [5, 13]) await count('b', by)
      await count('c', 4)
      await reached()
      expect(await incompleteRows(store, projection, ['a', 'b', 'c'])).toEqual(new Set(['a', 'b']))
      code.takesThirteen = true
      const redriven = await retryParked(store, projection)
      expect(redriven.map(({ streamId, handled, failure }) => [streamId, handled.length, failure])).toEqual([
        ['tally-a', 4, undefined],
        ['tally-b', 1, undefined],
      ])
      expect(redriven[0]?.rows).toEqual([{ key: 'a', before: { id: 'a', sum: 1 }, after: { id: 'a', sum: 32 } }])
      expect(await listParked(store, { projection: name })).toEqual([])
      expect(await incompleteRows(store, projection, ['a', 'b', 'c'])).toEqual(new Set())
      // Its stream waits no longer, for the projector neither.
      await count('a', 100)
      await reached()
      expect((await rowsOf(store, projection))[0]).toEqual({ id: 'a', sum: 132 })
      await expectAsBuilt(projection)
      expect(await retryParked(store, projection)).toEqual([])
    },
  )

  test.each([1, 2])(
    'of rows of several streams fold those rows again, whatever passed since (%i shards)',
    async (shards) => {
      const projection = groups(name, park, shards)
      await start(projection)
      await count('a', 1, 'odd+even')
      await count('a', 13, 'even+odd')
      await count('b', 10, 'odd')
      await count('a', 2, 'even')
      await count('c', 13, 'odd')
      await reached()
      code.takesThirteen = true
      const [failed] = await listParked(store, { projection: name, status: 'failed' })
      const redriven = await retryParked(store, projection, { positions: [failed!.position] })
      expect(redriven).toHaveLength(1)
      // Shards of rows are on their own: that of the other row has handled the later event already.
      expect(redriven[0]?.handled).toHaveLength(shards === 1 ? 2 : 1)
      // The event of the other stream is still lacking.
      expect(await rowsOf(store, projection)).toEqual([
        { group: 'even', sum: 16 },
        { group: 'odd', sum: 24 },
      ])
      expect(await incompleteRows(store, projection, ['even', 'odd'])).toEqual(new Set(['odd']))
      await retryParked(store, projection)
      await expectAsBuilt(projection)
    },
  )

  test('do not hold up what came before them, in a shard of rows that is behind', async () => {
    const projection = groups(name, park, 2)
    await (await start(projection)).stop()
    // Each shard has some of the rows; the one without `odd` comes later.
    const names = ['odd', ...Array.from({ length: 8 }, (_, index) => `g${index}`)]
    const late = isInShard('odd', { index: 0, count: 2 }) ? 1 : 0
    const [live] = await selectTables(store.database, [name])
    const checkpoint = `projection:${live!.table}/${late}`
    const held = await Checkpoint.take(store.database, checkpoint, { owner: 'test', leaseMs: 60_000 })
    for (const by of [1, 13, 2])
      for (const group of names) if (by !== 13 || group === 'odd') await count('a', by, group)
    await start(projection)
    await expect
      .poll(async () => (await listParked(store, { projection: name })).length, { timeout: 5000 })
      .toBeGreaterThan(0)
    await held!.release()
    await reached()
    const sums = new Map((await rowsOf(store, projection)).map(({ group, sum }) => [group, sum]))
    for (const group of names) expect(sums.get(group), group).toBeGreaterThanOrEqual(1)
    code.takesThirteen = true
    await retryParked(store, projection)
    await expectAsBuilt(projection)
  })

  test('leave alone what other rows have of events that are parked for one row only', async () => {
    const projection = groups(name, park, 2)
    const names = Array.from({ length: 8 }, (_, index) => `g${index}`)
    await start(projection)
    // Rows of both shards have the first event of b; only that of `odd` lacks it.
    await count('b', 13, ['odd', ...names].join('+'))
    await count('a', 13, ['odd', ...names].join('+'))
    await reached()
    code.takesThirteen = true
    const [, ofA] = await listParked(store, { projection: name, status: 'failed' })
    await retryParked(store, projection, { positions: [ofA!.position] })
    await retryParked(store, projection)
    await expectAsBuilt(projection)
  })

  test('end at the next one that fails, whose error is on record', async () => {
    const projection = tallies(name, park)
    await start(projection)
    for (const by of [1, 13, 2, 14, 3]) await count('a', by)
    await reached()
    const onlyFourteen = {
      ...projection,
      handlers: new Map(projection.handlers).set('Counted', (row, event) => {
        const { data, aggregateId } = event as { data: { by: number }; aggregateId: string }
        if (data.by === 14) throw new RangeError('fourteen is too much')
        return { id: aggregateId, sum: ((row as { sum: number } | null)?.sum ?? 0) + data.by }
      }),
    }
    const [{ handled, failure } = {}] = await retryParked(store, onlyFourteen)
    expect(handled).toHaveLength(2)
    expect(failure?.error.message).toContain('fourteen is too much')
    expect(await rowsOf(store, projection)).toEqual([{ id: 'a', sum: 16 }])
    const parked = await listParked(store, { projection: name })
    expect(
      parked.map(({ status, attempts, error }) => [status, attempts, error?.message.includes('fourteen')]),
    ).toEqual([
      ['failed', 2, true],
      ['blocked', 1, undefined],
    ])
    expect(await incompleteRows(store, projection, ['a'])).toEqual(new Set(['a']))
  })

  test('that fail again change nothing', async () => {
    const projection = groups(name, park)
    await start(projection)
    for (const by of [1, 13, 2]) await count('a', by, 'odd')
    await reached()
    const before = await rowsOf(store, projection)
    const [{ handled, failure, rows } = {}] = await retryParked(store, projection)
    expect({ handled, rows }).toEqual({ handled: [], rows: [] })
    expect(failure?.error.message).toContain('odd cannot count by 13')
    expect(await rowsOf(store, projection)).toEqual(before)
    expect((await listParked(store, { projection: name }))[0]).toMatchObject({
      attempts: 2,
      status: 'failed',
      blocks: 1,
    })
  })

  test('can be skipped with a reason, and the ones that wait go on', async () => {
    const projection = tallies(name, park)
    await start(projection)
    for (const by of [1, 13, 2]) await count('a', by)
    await reached()
    const [failed] = await listParked(store, { projection: name, status: 'failed' })
    const [redriven] = await skipParked(store, projection, { positions: [failed!.position] }, 'a typing error')
    expect(redriven).toMatchObject({ failure: undefined, rows: [{ after: { id: 'a', sum: 3 } }] })
    expect(await listParked(store, { projection: name })).toMatchObject([
      { status: 'skipped', reason: 'a typing error' },
    ])
    expect(await incompleteRows(store, projection, ['a'])).toEqual(new Set())
    await count('a', 4)
    await reached()
    expect(await rowsOf(store, projection)).toEqual([{ id: 'a', sum: 7 }])
  })

  test('can be tried: what would change is shown, and nothing does', async () => {
    const projection = tallies(name, park)
    await start(projection)
    for (const id of ['a', 'b', 'c']) for (const by of [1, 13, 2]) await count(id, by)
    await reached()
    const [failed] = await listParked(store, { projection: name, status: 'failed' })
    const { position } = failed!
    const trial = await tryParked(store, projection, position)
    expect(trial).toMatchObject({ passes: false, rows: [], alike: { tried: 3, passing: 0 } })
    expect(trial?.error?.message).toContain('cannot count by 13')
    code.takesThirteen = true
    const before = await rowsOf(store, projection)
    expect(await tryParked(store, projection, position)).toEqual({
      ...{ passes: true, error: undefined, alike: { tried: 3, passing: 3 } },
      rows: [{ key: 'a', before: { id: 'a', sum: 1 }, after: { id: 'a', sum: 16 } }],
    })
    expect(await rowsOf(store, projection)).toEqual(before)
    expect(await listParked(store, { projection: name, status: 'failed' })).toHaveLength(3)
    expect(await tryParked(store, projection, 1n)).toBeUndefined()
  })

  test('of a handler are given to it in order, and a trial tells it that nothing lasts', async () => {
    await database.pool.query('create table if not exists redriven (position bigint primary key)')
    const contexts: unknown[] = []
    const handler = defineHandler({
      ...{ name, version: 1, on: Tally, poison: park },
      async handle(transaction, events, context) {
        if (context.replay) contexts.push(context)
        for (const { position, data } of events) {
          await transaction.query('insert into redriven values ($1)', [position])
          if ('by' in data && data.by === 13 && !code.takesThirteen) throw new Error('thirteen')
        }
      },
    })
    await start(handler)
    for (const by of [1, 13, 2]) await count('a', by)
    await reached()
    code.takesThirteen = true
    const [failed] = await listParked(store, { projection: name, status: 'failed' })
    expect(await tryParked(store, handler, failed!.position)).toMatchObject({ passes: true, rows: [] })
    expect(contexts).toContainEqual({ replay: true, sideEffects: false })
    expect((await database.pool.query('select from redriven')).rowCount).toBe(1)
    const [redriven] = await retryParked(store, handler)
    expect(redriven).toMatchObject({ failure: undefined, handled: [expect.any(BigInt), expect.any(BigInt)] })
    expect(contexts.at(-1)).toEqual({ replay: true, sideEffects: true })
    expect((await database.pool.query('select from redriven')).rowCount).toBe(3)
    await count('a', 3)
    await reached()
    expect((await database.pool.query('select from redriven')).rowCount).toBe(4)
  })

  test('are redriven while events keep coming, and none is lost or counted twice', async () => {
    const projection = tallies(name, park)
    await start(projection)
    let appended = 0
    let going = true
    const appending = (async () => {
      while (going) await Promise.all(['a', 'b'].map((id) => count(id, appended++ % 5 === 0 ? 13 : 1)))
    })()
    for (let round = 0; round < 10; round++) {
      await new Promise((resolve) => setTimeout(resolve, 30))
      code.takesThirteen = round % 2 === 1
      await retryParked(store, projection)
    }
    going = false
    await appending
    code.takesThirteen = true
    await reached()
    await retryParked(store, projection)
    await reached()
    expect(await listParked(store, { projection: name })).toEqual([])
    await expectAsBuilt(projection)
  })
})
