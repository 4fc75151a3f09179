import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEventStore, inTransaction, logWithin, on, type EventStore } from '../src/index.js'
import { Counter } from './counter.js'
import { useStoreDatabase } from './store-database.js'

describe('the log within a transaction', () => {
  const database = useStoreDatabase()
  let pool: pg.Pool
  let store: EventStore
  beforeAll(async () => {
    // One connection: whoever asked the pool for a second one would wait for ever.
    pool = new pg.Pool({ connectionString: database.url, max: 1 })
    store = createEventStore(pool, { listen: false })
    const events = Array.from({ length: 5 }, () => ({ type: 'Added', data: { amount: 1 } }) as const)
    await store.append(Counter, 'within', events, { expectedVersion: 0 })
    await store.appendToStream('other-within', [{ type: 'Noted', data: 1 }], { expectedVersion: 0 })
  })
  afterAll(async () => {
    await store.close()
    await pool.end()
  })

  test('is read by its one connection, in pages and by a filter', async () => {
    const all = await store.log.read({ after: 0n, limit: 100 })
    const head = (await store.head()).position
    const epoch = await store.log.epoch()
    await inTransaction(pool, async (client) => {
      const log = logWithin(on(store.database, client))
      expect(await log.read({ after: 0n, limit: 100 })).toEqual({ ...all, atHead: true })
      const page = await log.read({ after: 0n, limit: 2, categories: ['counter'] })
      expect(page.events.map(({ version }) => version)).toEqual([1n, 2n])
      expect(page).toMatchObject({ through: page.events[1]?.position, atHead: false })
      expect((await log.read({ after: 0n, upTo: page.through, limit: 100 })).events).toEqual(page.events)
      expect((await log.read({ after: 0n, limit: 9, types: ['Noted'] })).events).toHaveLength(1)
      expect(await log.read({ after: head, limit: 9 })).toEqual({ events: [], through: head, atHead: true })
      expect(await log.epoch()).toBe(epoch)
      expect(await log.lastEventId(head)).toBe(all.events.at(-1)?.id)
    })
  })

  test('does not reach past an open append of somebody else', async () => {
    const stranger = await new pg.Pool({ connectionString: database.directUrl }).connect()
    await stranger.query('begin')
    await store.appendToStream('other-open', [{ type: 'Noted', data: 1 }], {
      expectedVersion: 0,
      transaction: stranger,
    })
    const { position } = await store.appendToStream('other-late', [{ type: 'Noted', data: 2 }], { expectedVersion: 0 })
    await inTransaction(pool, async (client) => {
      const { events, through } = await logWithin(on(store.database, client)).read({ after: 0n, limit: 100 })
      expect(events.map(({ streamId }) => streamId)).not.toContain('other-late')
      expect(through).toBeLessThan(position - 1n)
    })
    await stranger.query('rollback')
    stranger.release(true)
  })
})
