import { v7 as uuidv7 } from 'uuid'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEventStore, EventIdConflictError, partOf, VersionConflictError, type EventStore } from '../src/index.js'
import { Counter } from './counter.js'
import { useStoreDatabase } from './store-database.js'

const added = (amount = 1, id: string = uuidv7()) => ({ type: 'Added', data: { amount }, id }) as const

describe('an append to several streams', () => {
  const database = useStoreDatabase({ max: 20 })
  let store: EventStore
  beforeAll(() => {
    store = createEventStore(database.pool, { listen: false })
  })
  afterAll(() => store.close())
  const versionOf = async (id: string) => (await store.load(Counter, id)).version

  test('stores all parts in one transaction', async () => {
    const results = await store.appendToStreams([
      partOf(Counter, 'b', [added(), added()], 'no-stream'),
      partOf(Counter, 'a', [added()], 'any'),
    ])
    expect(results).toMatchObject([
      { streamId: 'counter-b', version: 2n, events: [{ version: 1n }, { version: 2n }] },
      { streamId: 'counter-a', version: 1n },
    ])
    const { rows } = await database.pool.query('select distinct xmin from tidemark.events')
    expect(rows).toHaveLength(1)
  })

  test.each(['own', "the caller's"])('stores nothing when one part conflicts, in %s transaction', async (whose) => {
    const id = whose === 'own' ? 'x' : 'y'
    const parts = [partOf(Counter, `${id}-1`, [added()], 'no-stream'), partOf(Counter, `${id}-2`, [added()], 7)]
    if (whose === 'own') {
      await expect(store.appendToStreams(parts)).rejects.toMatchObject({
        streamId: `counter-${id}-2`,
        actualVersion: 0n,
      })
    } else {
      const client = await database.pool.connect()
      await client.query('begin')
      await expect(store.appendToStreams(parts, { transaction: client })).rejects.toBeInstanceOf(VersionConflictError)
      await store.appendToStreams([partOf(Counter, `${id}-3`, [added()], 'no-stream')], { transaction: client })
      await client.query('commit')
      client.release()
      expect(await versionOf(`${id}-3`)).toBe(1n)
    }
    expect([await versionOf(`${id}-1`), await versionOf(`${id}-2`)]).toEqual([0n, 0n])
  })

  test('a part without events checks its stream, and leaves no trace', async () => {
    await store.append(Counter, 'checked', [added()], { expectedVersion: 0 })
    const [, check] = await store.appendToStreams([
      partOf(Counter, 'free', [added()], 0),
      partOf(Counter, 'checked', [], 1),
    ])
    expect(check).toMatchObject({ version: 1n, events: [] })
    await store.appendToStreams([partOf(Counter, 'free', [added()], 1), partOf(Counter, 'absent', [], 'no-stream')])
    await expect(
      store.appendToStreams([partOf(Counter, 'free', [added()], 2), partOf(Counter, 'checked', [], 5)]),
    ).rejects.toMatchObject({
      streamId: 'counter-checked',
    })
    expect(await database.pool.query(`select from tidemark.events where type = '$check'`)).toMatchObject({
      rowCount: 0,
    })
    expect([await versionOf('free'), await versionOf('checked'), await versionOf('absent')]).toEqual([2n, 1n, 0n])
  })

  test('of two that check each other’s stream never both succeed', async () => {
    for (let round = 0; round < 100; round++) {
      const outcomes = await Promise.allSettled([
        store.appendToStreams([
          partOf(Counter, `l-${round}`, [added()], 'no-stream'),
          partOf(Counter, `r-${round}`, [], 'no-stream'),
        ]),
        store.appendToStreams([
          partOf(Counter, `r-${round}`, [added()], 'no-stream'),
          partOf(Counter, `l-${round}`, [], 'no-stream'),
        ]),
      ])
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      expect((await versionOf(`l-${round}`)) + (await versionOf(`r-${round}`))).toBe(1n)
    }
  })

  test('a check holds off a single append to the stream until it commits', async () => {
    const client = await database.pool.connect()
    await client.query('begin')
    await store.appendToStreams([partOf(Counter, 'main', [added()], 0), partOf(Counter, 'side', [], 'no-stream')], {
      transaction: client,
    })
    let stored = false
    const single = store.append(Counter, 'side', [added()], { expectedVersion: 0 }).then(() => (stored = true))
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(stored).toBe(false)
    await client.query('commit')
    client.release()
    await single
    expect(await versionOf('side')).toBe(1n)
  })

  test('sent again with the same ids it returns the first outcome', async () => {
    const parts = [
      partOf(Counter, 'again-1', [added()], 'no-stream'),
      partOf(Counter, 'again-2', [added(), added()], 'no-stream'),
    ]
    const first = await store.appendToStreams(parts)
    expect(await store.appendToStreams(parts)).toEqual(first.map((result) => ({ ...result, duplicate: true })))
    const mixed = [parts[0]!, partOf(Counter, 'again-3', [added()], 'no-stream')]
    await expect(store.appendToStreams(mixed))
      .rejects.toBeInstanceOf(EventIdConflictError)
      .catch(() => undefined)
    expect(await versionOf('again-3')).toBe(0n)
  })

  test('transfers between two streams in both directions at once neither deadlock for good nor lose anything', async () => {
    const transfers = Array.from({ length: 60 }, (_, index) => {
      const [from, to] = index % 2 === 0 ? (['p', 'q'] as const) : (['q', 'p'] as const)
      return store.appendToStreams([partOf(Counter, from, [added(-1)], 'any'), partOf(Counter, to, [added(1)], 'any')])
    })
    await Promise.all(transfers)
    expect([await versionOf('p'), await versionOf('q')]).toEqual([60n, 60n])
  })

  test('a stream may stand in it once', async () => {
    const twice = [partOf(Counter, 'twice', [added()], 0), partOf(Counter, 'twice', [added()], 1)]
    await expect(store.appendToStreams(twice)).rejects.toThrow('stands twice')
  })
})
