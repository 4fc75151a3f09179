import type { PoolClient } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEventStore, type EventStore } from '../src/index.js'
import { useStoreDatabase } from './store-database.js'

const append = (client: Pick<PoolClient, 'query'>, stream: string) =>
  client.query<{ position: string }>(
    `insert into tidemark.events (stream_id, version, id, schema_version, type, data, metadata)
     values ($1, coalesce((select max(version) from tidemark.events where stream_id = $1), 0) + 1, gen_random_uuid(), 1, 'T', '{}', '{}')
     returning position`,
    [stream],
  )

describe('the safe head', () => {
  const database = useStoreDatabase()
  let store: EventStore
  beforeAll(() => {
    store = createEventStore(database.pool, { listen: false })
  })
  afterAll(() => store.close())

  const begun = async (isolation = 'read committed') => {
    const client = await database.pool.connect()
    await client.query(`begin isolation level ${isolation}`)
    return client
  }
  const finish = async (client: PoolClient, how: 'commit' | 'rollback') => {
    await client.query(how)
    client.release()
  }

  test('is 0 for a log that was never written', async () => {
    expect(await store.head()).toEqual({ position: 0n, lastPosition: 0n, heldBackByPid: undefined })
  })

  test('stays below an open append although later ones are committed, and names who holds it', async () => {
    const slow = await begun()
    const { rows } = await append(slow, 'a-1')
    const held = BigInt(rows[0]!.position)
    const fast = await append(database.pool, 'a-2')
    // What a plain reader would take as everything up to here, and go past the open one for ever.
    const plain = await database.pool.query<{ position: string }>(
      'select position from tidemark.events order by position desc limit 1',
    )
    expect(BigInt(plain.rows[0]!.position)).toBe(BigInt(fast.rows[0]!.position))
    expect(BigInt(plain.rows[0]!.position)).toBeGreaterThan(held)
    const pid = (await slow.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]!.pid
    expect(await store.head()).toEqual({ position: held - 1n, lastPosition: held + 1n, heldBackByPid: pid })
    expect(await store.log.read({ after: 0n, limit: 10 })).toMatchObject({ events: [], through: held - 1n })
    await finish(slow, 'commit')
    expect(await store.head()).toEqual({ position: held + 1n, lastPosition: held + 1n, heldBackByPid: undefined })
    expect((await store.log.read({ after: 0n, limit: 10 })).events.map(({ streamId }) => streamId)).toEqual([
      'a-1',
      'a-2',
    ])
  })

  test('goes on past a rolled-back append', async () => {
    const client = await begun()
    await append(client, 'b-1')
    await finish(client, 'rollback')
    const { position, lastPosition } = await store.head()
    expect(position).toBe(lastPosition)
  })

  test('one transaction holds one fence however many appends it makes', async () => {
    const client = await begun()
    for (let index = 0; index < 20; index++) await append(client, `c-${index}`)
    const locks = await client.query("select from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()")
    expect(locks.rowCount).toBe(1)
    await finish(client, 'rollback')
  })

  test('an append after a rolled-back savepoint is fenced anew', async () => {
    const client = await begun()
    await client.query('savepoint before')
    await append(client, 'd-1')
    await client.query('rollback to savepoint before')
    const { rows } = await append(client, 'd-2')
    await append(database.pool, 'd-3')
    expect((await store.head()).position).toBeLessThan(BigInt(rows[0]!.position))
    await finish(client, 'rollback')
  })

  test('an append in a savepoint that is released stays fenced', async () => {
    const client = await begun()
    await client.query('savepoint inner_append')
    const { rows } = await append(client, 'e-1')
    await client.query('release savepoint inner_append')
    expect((await store.head()).position).toBeLessThan(BigInt(rows[0]!.position))
    await finish(client, 'rollback')
  })

  test('a statement of many rows is fenced before its first', async () => {
    const client = await begun()
    await client.query(`insert into tidemark.events (stream_id, version, id, schema_version, type, data, metadata)
      select 'rows-' || n, 1, gen_random_uuid(), 1, 'T', '{}', '{}' from generate_series(1, 100) n`)
    const { rows } = await client.query<{ first: string }>(
      "select min(position) as first from tidemark.events where stream_id like 'rows-%'",
    )
    expect((await store.head()).position).toBe(BigInt(rows[0]!.first) - 1n)
    await finish(client, 'rollback')
  })

  test('cannot be read in a transaction whose snapshot is older than the locks', async () => {
    const client = await begun('repeatable read')
    await expect(client.query('select * from tidemark.safe_head()')).rejects.toMatchObject({ code: 'TM002' })
    await finish(client, 'rollback')
  })

  test('a session that commits asynchronously is made to wait for its appends', async () => {
    const client = await begun()
    await client.query('set local synchronous_commit = off')
    await append(client, 'f-1')
    const { rows } = await client.query<{ setting: string }>("select current_setting('synchronous_commit') as setting")
    expect(rows[0]!.setting).toBe('on')
    await finish(client, 'rollback')
  })

  test.each([
    ['0', '30s'],
    ['5min', '30s'],
    ['2s', '2s'],
  ])('an appender with an idle timeout of %s gets %s for its transaction', async (before, during) => {
    const client = await begun()
    await client.query(`set local idle_in_transaction_session_timeout = '${before}'`)
    await append(client, `g-${before}`)
    const { rows } = await client.query<{ setting: string }>(
      "select current_setting('idle_in_transaction_session_timeout') as setting",
    )
    expect(rows[0]!.setting).toBe(during)
    await finish(client, 'rollback')
    const after = await database.pool.query<{ setting: string }>(
      "select current_setting('idle_in_transaction_session_timeout') as setting",
    )
    expect(after.rows[0]!.setting).toBe('0')
  })

  test('a write transaction elsewhere, and one that only reads, hold nothing', async () => {
    const client = await begun()
    await client.query('create temporary table busy (n integer); insert into busy values (1)')
    await client.query('select count(*) from tidemark.events')
    await append(database.pool, 'h-1')
    const { position, lastPosition } = await store.head()
    expect(position).toBe(lastPosition)
    await finish(client, 'rollback')
  })

  test.each([
    ['2^31', 2n ** 31n],
    ['2^32', 2n ** 32n],
    ['3 * 2^40', 3n * 2n ** 40n],
    ['2^53', 2n ** 53n],
  ])('is exact around position %s', async (_name, around) => {
    await database.pool.query('select setval($1, $2)', ['tidemark.events_position_seq', String(around - 2n)])
    const slow = await begun()
    const held = BigInt((await append(slow, `big-${around}-0`)).rows[0]!.position)
    expect(held).toBe(around - 1n)
    for (let index = 1; index <= 5; index++) await append(database.pool, `big-${around}-${index}`)
    expect((await store.head()).position).toBe(held - 1n)
    await finish(slow, 'commit')
    expect((await store.head()).position).toBe(held + 5n)
    const { events } = await store.log.read({ after: around - 2n, limit: 100 })
    expect(events.map(({ position }) => position)).toEqual([0n, 1n, 2n, 3n, 4n, 5n].map((n) => around - 1n + n))
  })
})
