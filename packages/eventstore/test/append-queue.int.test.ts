import pg from 'pg'
import { describe, expect, test } from 'vitest'
import {
  createEventStore,
  OverloadedError,
  StoreClosedError,
  VersionConflictError,
  type EventStore,
} from '../src/index.js'
import { Counter } from './counter.js'
import { useStoreDatabase } from './store-database.js'

const added = { type: 'Added', data: { amount: 1 } } as const

/** How long the slowest tenth of appends to free streams takes at least, in milliseconds. */
async function slowTenth(store: EventStore, name: string): Promise<number> {
  const latencies: number[] = []
  for (let round = 0; round < 30; round++) {
    await Promise.all(
      Array.from({ length: 5 }, async (_, index) => {
        const start = performance.now()
        await store.append(Counter, `free-${name}-${round}-${index}`, [added], { expectedVersion: 0 })
        latencies.push(performance.now() - start)
      }),
    )
  }
  return latencies.toSorted((a, b) => a - b)[Math.floor(latencies.length * 0.9)]!
}

describe('group append', () => {
  const database = useStoreDatabase()

  test('calls travel together and keep their own outcomes', async () => {
    const store = createEventStore(database.pool, { listen: false })
    await store.append(Counter, 'taken', [added], { expectedVersion: 0 })
    const before = await database.pool.query<{ n: string }>('select last_value as n from tidemark.events_position_seq')
    const outcomes = await Promise.allSettled([
      store.append(Counter, 'g-1', [added, added], { expectedVersion: 0 }),
      store.append(Counter, 'taken', [added], { expectedVersion: 0 }),
      store.append(Counter, 'g-2', [added], { expectedVersion: 'any' }),
      store.append(Counter, 'g-2', [added, added], { expectedVersion: 'any' }),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
    expect(outcomes[1]).toMatchObject({ reason: expect.any(VersionConflictError) })
    expect(outcomes[3]).toMatchObject({ value: { version: 3n, events: [{ version: 2n }, { version: 3n }] } })
    const { rows } = await database.pool.query<{ transactions: string }>(
      'select count(distinct xmin::text) as transactions from tidemark.events where position > $1',
      [before.rows[0]!.n],
    )
    expect(rows[0]!.transactions).toBe('1')
    await store.close()
  })

  test('many calls are shared out between two transactions', async () => {
    const store = createEventStore(database.pool, { listen: false })
    await Promise.all(
      Array.from({ length: 64 }, (_, n) => store.append(Counter, `many-${n}`, [added], { expectedVersion: 0 })),
    )
    const { rows } = await database.pool.query<{ events: string }>(
      `select count(*) as events from tidemark.events where stream_id like '%-many-%' group by xmin::text`,
    )
    expect(rows.map(({ events }) => events)).toEqual(['32', '32'])
    await store.close()
  })

  test("a stranger's open transaction on one stream does not hold the others", async () => {
    // Past a pooler: the stranger and whoever tries the held stream have a connection each, which may be all that it has.
    const pool = new pg.Pool({ connectionString: database.directUrl })
    const store = createEventStore(pool, { listen: false })
    const before = await slowTenth(store, 'before')
    const stranger = await pool.connect()
    await stranger.query('begin')
    await store.append(Counter, 'held', [added], { expectedVersion: 'any', transaction: stranger })
    let held = 'waiting'
    const heldAppends = Promise.all(
      Array.from({ length: 3 }, () => store.append(Counter, 'held', [added], { expectedVersion: 'any' })),
    ).then(() => (held = 'stored'))
    const whileHeld = await slowTenth(store, 'held')
    expect(held).toBe('waiting')
    // The first group waits for the lock timeout once; after that the held stream is tried apart.
    expect(whileHeld).toBeLessThan(before + 100)
    await stranger.query('commit')
    stranger.release()
    await heldAppends
    expect((await store.load(Counter, 'held')).version).toBe(4n)
    await store.close()
    await pool.end()
  })

  test('an event that Postgres refuses fails its own call alone', async () => {
    const store = createEventStore(database.pool, { listen: false })
    const outcomes = await Promise.allSettled([
      store.appendToStream('fine-1', [{ type: 'T', data: 1 }], { expectedVersion: 0 }),
      // Too large for an index entry: only Postgres can know.
      store.appendToStream(`fine-2`, [{ type: incompressible(10_000), data: 1 }], { expectedVersion: 0 }),
      store.appendToStream('fine-3', [{ type: 'T', data: 1 }], { expectedVersion: 0 }),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(outcomes[1]).toMatchObject({ reason: { code: 'EVENTSTORE_DATABASE', sqlState: '54000' } })
    await store.close()
  })

  test('an aborted call that waits is withdrawn; the others go on', async () => {
    const store = createEventStore(database.pool, { listen: false })
    const abort = new AbortController()
    const kept = store.append(Counter, 'kept', [added], { expectedVersion: 0 })
    const withdrawn = store.append(Counter, 'withdrawn', [added], { expectedVersion: 0, signal: abort.signal })
    abort.abort(new Error('no longer wanted'))
    await expect(withdrawn).rejects.toThrow('no longer wanted')
    await kept
    expect(await store.readStream('counter-withdrawn')).toEqual([])
    await expect(store.append(Counter, 'late', [added], { expectedVersion: 0, signal: abort.signal })).rejects.toThrow(
      'no longer wanted',
    )
    await store.close()
  })

  test('refuses calls beyond its bound, and takes them again later', async () => {
    const store = createEventStore(database.pool, { listen: false, maxQueuedAppends: 10 })
    const outcomes = await Promise.allSettled(
      Array.from({ length: 15 }, (_, index) => store.append(Counter, `q-${index}`, [added], { expectedVersion: 0 })),
    )
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(10)
    expect(outcomes[14]).toMatchObject({ reason: expect.any(OverloadedError) })
    await store.append(Counter, 'q-14', [added], { expectedVersion: 0 })
    await store.close()
  })

  test('closing waits for what was accepted and refuses what comes after', async () => {
    const store = createEventStore(database.pool, { listen: false })
    const accepted = Array.from({ length: 300 }, (_, index) =>
      store.append(Counter, `c-${index}`, [added], { expectedVersion: 0 }),
    )
    await Promise.all([store.close(), Promise.all(accepted)])
    await expect(store.append(Counter, 'c-x', [added], { expectedVersion: 0 })).rejects.toBeInstanceOf(StoreClosedError)
  })

  test('a lost connection is met by sending the same ids again', async () => {
    const store = createEventStore(database.pool, { listen: false })
    // Past a pooler, which would give this query one of the sessions that it ends.
    const admin = new pg.Client({ connectionString: database.directUrl })
    await admin.connect()
    const appends: Promise<unknown>[] = []
    for (let round = 0; round < 20; round++) {
      for (let index = 0; index < 20; index++) {
        appends.push(store.append(Counter, `t-${round}-${index}`, [added, added], { expectedVersion: 0 }))
      }
      await admin.query(
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
      )
    }
    await Promise.all(appends)
    await admin.end()
    const { rows } = await database.pool.query<{ streams: string; events: string }>(
      `select count(distinct stream_id) as streams, count(*) as events from tidemark.events where stream_id like 'counter-t-%'`,
    )
    expect(rows[0]).toEqual({ streams: '400', events: '800' })
    await store.close()
  })
})

/** Text that does not get smaller by compression, so that it cannot fit an index page. */
function incompressible(length: number): string {
  let seed = 7
  return Array.from({ length }, () => {
    seed = (seed * 1103515245 + 12345) % 2147483648
    return String.fromCharCode(0x4e00 + (seed % 20000))
  }).join('')
}
