import { afterEach, describe, expect, test } from 'vitest'
import {
  defineHandler,
  groupParked,
  incompleteRows,
  listParked,
  ProjectionDefinitionError,
  rebuildProjection,
  resumeProjection,
} from '../src/index.js'
import { rowsOf } from './order-log.js'
import { useProjectors } from './use-projectors.js'
import { code, groups, tallies, Tally } from './tally.js'

describe('an event that a projection keeps failing on', () => {
  const projectors = useProjectors({ watchIntervalMs: 50, leaseMs: 1000 })
  const { start, reached } = projectors
  afterEach(() => {
    code.takesThirteen = false
  })
  const count = (id: string, by: number, group = 'even') =>
    projectors.store.append(Tally, id, [{ type: 'Counted', data: { by, group } }], { expectedVersion: 'any' })

  test('is set aside with the later ones of its stream, and the others go on', async () => {
    const parking = tallies('parking', { policy: 'park', retries: 2 })
    const projector = await start(parking)
    for (const by of [1, 2]) await count('good', by)
    await count('bad', 5)
    const poison = await count('bad', 13)
    await count('good', 4)
    const later = await count('bad', 7)
    await reached(projector, 'parking')
    expect(await rowsOf(projectors.store, parking)).toEqual([
      { id: 'bad', sum: 5 },
      { id: 'good', sum: 7 },
    ])
    const parked = await listParked(projectors.store, { projection: 'parking' })
    expect(parked).toMatchObject([
      {
        ...{
          position: poison.position,
          status: 'failed',
          streamId: 'tally-bad',
          version: 2n,
          type: 'Counted',
          blocks: 1,
        },
        ...{ keys: ['bad'], consumer: 'parking_v1_1' },
        error: { code: 'PROJECTIONS_HANDLER_FAILED', message: expect.stringContaining('cannot count by 13 for bad') },
      },
      { position: later.position, status: 'blocked', error: undefined, blocks: 0 },
    ])
    expect(await incompleteRows(projectors.store, parking, ['good', 'bad', 'none'])).toEqual(new Set(['bad']))
    // After a restart its stream waits still.
    await projector.stop()
    const again = await start(parking)
    await count('bad', 8)
    await reached(again, 'parking')
    expect(await listParked(projectors.store, { projection: 'parking' })).toHaveLength(3)
    expect((await rowsOf(projectors.store, parking))[0]).toEqual({ id: 'bad', sum: 5 })
  })

  test('fails alike under one fingerprint, whatever the stream', async () => {
    const parking = tallies('alike', { policy: 'park', retries: 0 })
    const projector = await start(parking)
    for (const id of ['one', 'two', 'three']) await count(id, 13)
    await projectors.store.append(Tally, 'one', [{ type: 'Noted', data: { text: 'later' } }], {
      expectedVersion: 'any',
    })
    await reached(projector, 'alike')
    const fresh = (await groupParked(projectors.store, { projection: 'alike' })).filter(
      ({ type }) => type === 'Counted',
    )
    expect(fresh).toHaveLength(1)
    expect(fresh[0]).toMatchObject({
      projection: 'alike',
      type: 'Counted',
      error: expect.stringContaining('cannot count'),
    })
    expect(fresh[0]?.streams).toBeGreaterThanOrEqual(3)
    expect(fresh[0]?.blocked).toBeGreaterThanOrEqual(1)
  })

  test('takes away all of its effects or none', async () => {
    const parking = groups('both', { policy: 'park', retries: 0 })
    const projector = await start(parking)
    await count('pair', 1, 'even+odd')
    const { position } = await count('pair', 13, 'even+odd')
    await count('other', 2, 'odd')
    await reached(projector, 'both')
    const rows = await rowsOf(projectors.store, parking)
    const { events } = await projectors.store.log.read({ after: 0n, limit: 10_000, types: ['Counted'] })
    const counted = events.filter((one) => one.streamId !== 'tally-pair' || one.position < position)
    const expected = (group: string) =>
      counted
        .map(({ data }) => data as { by: number; group: string })
        .filter((data) => data.group.split('+').includes(group))
        .reduce((sum, { by }) => sum + by, 0)
    expect(rows).toEqual(['even', 'odd'].map((group) => ({ group, sum: expected(group) })))
    expect(await incompleteRows(projectors.store, parking, ['even', 'odd'])).toEqual(new Set(['even', 'odd']))
  })

  test('is left out for good by the policy to skip, which is on record', async () => {
    const skipping = tallies('skipping', { policy: 'skip', retries: 0 })
    const projector = await start(skipping)
    for (const by of [1, 13, 2]) await count('skips', by)
    await reached(projector, 'skipping')
    expect((await rowsOf(projectors.store, skipping)).find(({ id }) => id === 'skips')).toEqual({ id: 'skips', sum: 3 })
    const skipped = await listParked(projectors.store, { projection: 'skipping', status: 'skipped' })
    expect(skipped.find(({ streamId }) => streamId === 'tally-skips')).toMatchObject({ version: 2n, keys: ['skips'] })
    expect(await groupParked(projectors.store, { projection: 'skipping' })).toEqual([])
  })

  test('stops the projection otherwise, until it is resumed, and its pauses outlast a restart', async () => {
    const stopping = tallies('stopping', { retries: 2 })
    const projector = await start(stopping)
    const failed = async () => (await projector.status())[0]
    await expect.poll(async () => (await failed())?.state, { timeout: 5000 }).toBe('failed')
    expect((await failed())?.error).toContain('cannot count by 13')
    expect((await failed())?.failures).toBe(3)
    expect(await listParked(projectors.store, { projection: 'stopping' })).toEqual([])
    await projector.stop()
    const { rows } = await projectors.database.pool.query<{ failures: number; waits: boolean }>(
      `select failures, retry_at is not null as waits from tidemark.checkpoints where name like 'projection:stopping%'`,
    )
    expect(rows).toEqual([{ failures: 3, waits: true }])
    const again = await start(stopping)
    await expect.poll(async () => (await again.status())[0]?.failures, { timeout: 5000 }).toBe(4)
    code.takesThirteen = true
    expect(await resumeProjection(projectors.store, stopping)).toBe(true)
    await reached(again, 'stopping')
    expect((await again.status())[0]).toMatchObject({ state: 'running', failures: 0 })
  })

  test('is found by a handler in a batch of many, whose other effects happen once', async () => {
    await projectors.database.pool.query('create table handled (position bigint primary key)')
    const handler = defineHandler({
      ...{ name: 'picky', version: 1, on: Tally, poison: { policy: 'park', retries: 1 } },
      async handle(transaction, events) {
        for (const { position, data } of events) {
          await transaction.query('insert into handled values ($1)', [position])
          if ('by' in data && data.by === 13) await transaction.query('select 1 / 0')
        }
      },
    })
    await Promise.all(
      Array.from({ length: 200 }, (_, index) => count(`h-${index % 40}`, index === 150 ? 13 : index + 20)),
    )
    const projector = await start(handler)
    await reached(projector, 'picky')
    const parked = await listParked(projectors.store, { projection: 'picky' })
    expect(parked.some(({ status, error }) => status === 'failed' && error?.message.includes('division by zero'))).toBe(
      true,
    )
    const { rows } = await projectors.database.pool.query<{ position: string }>('select position from handled')
    const handled = new Set(rows.map(({ position }) => BigInt(position)))
    const { events } = await projectors.store.log.read({ after: 0n, limit: 10_000, categories: ['tally'] })
    const missing = events.filter(({ position }) => !handled.has(position)).map(({ position }) => position)
    expect(missing).toEqual(parked.map(({ position }) => position))
  })

  test('is set aside by a rebuild too, whose table is as the live one', async () => {
    const parking = tallies('rebuilt', { policy: 'park', retries: 0 }, 3)
    const projector = await start(parking)
    await reached(projector, 'rebuilt')
    const before = await rowsOf(projectors.store, parking)
    const parked = await listParked(projectors.store, { projection: 'rebuilt' })
    await rebuildProjection(projectors.store, parking, { batchSize: 7, shards: 2 })
    expect(await rowsOf(projectors.store, parking)).toEqual(before)
    const after = await listParked(projectors.store, { projection: 'rebuilt' })
    const places = (list: typeof parked, table: string) =>
      list.filter(({ consumer }) => consumer === table).map(({ position, status }) => `${position} ${status}`)
    expect(places(after, 'rebuilt_v1_2')).toEqual(places(parked, 'rebuilt_v1_1'))
    expect(places(after, 'rebuilt_v1_2').length).toBeGreaterThan(3)
    // What a table had set aside is forgotten with it.
    await rebuildProjection(projectors.store, parking)
    expect(places(await listParked(projectors.store, { projection: 'rebuilt' }), 'rebuilt_v1_1')).toEqual([])
  })

  test('a row that Postgres would not take is the event’s fault', async () => {
    const parking = tallies('texts', { policy: 'park', retries: 0 })
    const unstorable = {
      ...parking,
      handlers: new Map(parking.handlers).set('Noted', (row: unknown) => row && { ...row, note: 'a\u0000b' }),
    }
    code.takesThirteen = true
    const projector = await start(unstorable)
    await count('noted', 1)
    await projectors.store.append(Tally, 'noted', [{ type: 'Noted', data: { text: 'x' } }], { expectedVersion: 'any' })
    await reached(projector, 'texts')
    const found = (await listParked(projectors.store, { projection: 'texts' })).find(
      ({ streamId }) => streamId === 'tally-noted',
    )
    expect(found?.error).toMatchObject({ code: 'PROJECTIONS_INVALID_ROW', message: expect.stringContaining('$.note') })
  })

  test('rules that cannot work are refused at once', () => {
    expect(() => tallies('wrong', { policy: 'ignore' as 'skip' })).toThrow(ProjectionDefinitionError)
    expect(() => tallies('wrong', { retries: -1 })).toThrow(/from 0 to 100/)
  })
})
