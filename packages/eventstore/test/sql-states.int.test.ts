import { databaseTemplate } from '@tidemark/migrations'
import {
  createFaultProxy,
  createTestDatabase,
  startEmbeddedPostgres,
  type EmbeddedPostgres,
  type TestDatabase,
} from '@tidemark/test-servers'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  createEventStore,
  DatabaseError,
  inTransaction,
  run,
  translateDatabaseError,
  type DatabaseErrorKind,
  type Queryable,
} from '../src/index.js'

const clients: pg.Client[] = []
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.end().catch(() => undefined)))
})
/** A session of its own; what it reports when nothing is running on it is kept. */
const connected = async (connectionString: string, config: pg.ClientConfig = {}) => {
  const client = new pg.Client({ connectionString, ...config })
  const reported: Error[] = []
  client.on('error', (error) => reported.push(error))
  clients.push(client)
  await client.connect()
  return Object.assign(client, { reported })
}
/** Runs a text the way that the store runs all of its statements. */
const statement = (queryable: Queryable, text: string) =>
  run({ queryable, schema: 'tidemark', prepare: false }, { name: 'test', text: () => text }, [])
const failure = async (work: Promise<unknown>) =>
  work.then(
    () => new Error('it did not fail'),
    (error: unknown) => error,
  )
const expectState = (error: unknown, sqlState: string | undefined, kind: DatabaseErrorKind, retryable: boolean) => {
  expect(error).toBeInstanceOf(DatabaseError)
  expect(error).toMatchObject({ code: 'EVENTSTORE_DATABASE', sqlState, kind, retryable })
  expect((error as DatabaseError).cause).toBeInstanceOf(Error)
}

describe('what Postgres really reports arrives typed', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase({ template: databaseTemplate })
  })
  afterAll(() => database.drop())
  // Sessions and their settings are the causes here, so no pooler may stand between.
  const session = (config?: pg.ClientConfig) => connected(database.directUrl, config)
  const role = `sql_states_${Math.random().toString(36).slice(2)}`
  const urlOfRole = (password = 'right') => {
    const url = new URL(database.directUrl)
    url.username = role
    url.password = password
    return url.href
  }
  beforeAll(async () => {
    const admin = await session()
    await admin.query(`create role ${role} login password 'right'`)
  })
  afterAll(async () => {
    const admin = await session()
    await admin.query(`drop owned by ${role}; drop role ${role}`)
    await admin.end()
  })

  test('08P01: a statement that the protocol does not allow', async () => {
    const client = await session()
    const unbound = { name: 'unbound', text: () => 'select $1::int + $2::int' }
    const error = await failure(run({ queryable: client, schema: 'tidemark', prepare: false }, unbound, [1]))
    expectState(error, '08P01', 'connection', true)
  })

  test('57P01: the session was ended by an administrator', async () => {
    const [client, admin] = [await session(), await session()]
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
    const sleeping = failure(statement(client, 'select pg_sleep(30)'))
    await admin.query('select pg_terminate_backend($1)', [rows[0]!.pid])
    expectState(await sleeping, '57P01', 'shutting-down', true)
  })

  test('57P05: the session idled too long', async () => {
    const client = await session({ options: '-c idle_session_timeout=50' })
    await vi.waitFor(() => expect(client.reported.length).toBeGreaterThan(0))
    expectState(translateDatabaseError(client.reported[0]), '57P05', 'connection', true)
    expectState(await failure(statement(client, 'select 1')), undefined, 'connection', true)
  })

  test('25P03: the transaction idled too long', async () => {
    const client = await session({ options: '-c idle_in_transaction_session_timeout=50' })
    await client.query('begin')
    await vi.waitFor(() => expect(client.reported.length).toBeGreaterThan(0))
    expectState(translateDatabaseError(client.reported[0]), '25P03', 'cancelled', true)
  })

  test('57014: the statement took too long, or was cancelled', async () => {
    const [client, admin] = [await session(), await session()]
    await client.query('set statement_timeout = 50')
    expectState(await failure(statement(client, 'select pg_sleep(30)')), '57014', 'cancelled', true)
    await client.query('set statement_timeout = 0')
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
    const sleeping = failure(statement(client, 'select pg_sleep(30)'))
    // A cancel that comes before the statement is one of nothing.
    const active = `select from pg_stat_activity where pid = $1 and state = 'active' and query like '%pg_sleep%'`
    await expect.poll(async () => (await admin.query(active, [rows[0]!.pid])).rowCount).toBe(1)
    await admin.query('select pg_cancel_backend($1)', [rows[0]!.pid])
    expectState(await sleeping, '57014', 'cancelled', true)
  })

  test('55P03: a lock was not free in time, on a table or on a stream', async () => {
    const [client, holder] = [await session(), await session()]
    await holder.query('begin; lock table tidemark.events in access exclusive mode')
    await client.query('set lock_timeout = 50')
    expectState(await failure(statement(client, 'select from tidemark.events')), '55P03', 'lock-timeout', true)
    await holder.query('rollback; begin')
    const pool = new pg.Pool({ connectionString: database.directUrl })
    const store = createEventStore(pool, { retryForMs: 200, listen: false })
    const events = [{ type: 'Happened', data: {} }]
    await store.appendToStream('locked-1', events, { expectedVersion: 'any', transaction: holder })
    const append = store.appendToStream('locked-1', events, { expectedVersion: 'any' })
    expectState(await failure(append), '55P03', 'lock-timeout', true)
    await holder.query('rollback')
    await store.appendToStream('locked-1', events, { expectedVersion: 'any' })
    await store.close()
    await pool.end()
  })

  test('40001 and 40P01: another transaction won', async () => {
    const [one, two] = [await session(), await session()]
    await one.query('create table pairs (id integer primary key, n integer)')
    await one.query('insert into pairs values (1, 0), (2, 0)')
    await one.query('begin isolation level repeatable read; select * from pairs')
    await two.query('update pairs set n = n + 1 where id = 1')
    const late = await failure(statement(one, 'update pairs set n = n + 1 where id = 1'))
    expectState(late, '40001', 'serialization', true)
    await one.query('rollback')
    await one.query('begin; update pairs set n = 1 where id = 1')
    await two.query('begin; update pairs set n = 1 where id = 2')
    const crossed = await Promise.all([
      failure(statement(one, 'update pairs set n = 2 where id = 2')),
      failure(statement(two, 'update pairs set n = 2 where id = 1')),
    ])
    expectState(
      crossed.find((error) => error instanceof DatabaseError),
      '40P01',
      'serialization',
      true,
    )
  })

  test('53300 and 53400: a limit was reached', async () => {
    const admin = await session()
    await admin.query(`alter role ${role} connection limit 0`)
    const pool = new pg.Pool({ connectionString: urlOfRole() })
    const store = createEventStore(pool, { listen: false, retryForMs: 0 })
    expectState(await failure(store.readStream('a-1')), '53300', 'out-of-resources', true)
    expectState(await failure(inTransaction(pool, () => Promise.resolve())), '53300', 'out-of-resources', true)
    const append = store.appendToStream('a-1', [{ type: 'Happened', data: {} }], { expectedVersion: 'any' })
    expectState(await failure(append), '53300', 'out-of-resources', true)
    await store.close()
    await pool.end()
    await admin.query(`alter role ${role} connection limit -1`)

    const client = await session({ options: '-c temp_file_limit=64 -c work_mem=64kB' })
    const sorting = 'select n from generate_series(1, 500000) n order by md5(n::text)'
    expectState(await failure(statement(client, sorting)), '53400', 'out-of-resources', true)
  })

  test('42501: the role may not do it', async () => {
    const pool = new pg.Pool({ connectionString: database.directUrl, options: `-c role=${role}` })
    const store = createEventStore(pool, { listen: false })
    const append = store.appendToStream('a-1', [{ type: 'Happened', data: {} }], { expectedVersion: 'any' })
    expectState(await failure(append), '42501', 'permission', false)
    expectState(await failure(store.head()), '42501', 'permission', false)
    await store.close()
    await pool.end()
  })

  test('28000: the role may not log in', async () => {
    const admin = await session()
    await admin.query(`alter role ${role} nologin`)
    const pool = new pg.Pool({ connectionString: urlOfRole() })
    const store = createEventStore(pool, { listen: false })
    expectState(await failure(store.head()), '28000', 'permission', false)
    await store.close()
    await pool.end()
    await admin.query(`alter role ${role} login`)
  })

  test('3D000, 3F000 and 42P01: what was asked for is not there', async () => {
    const url = new URL(database.directUrl)
    url.pathname = '/not-there'
    const pool = new pg.Pool({ connectionString: url.href })
    const store = createEventStore(pool, { listen: false })
    expectState(await failure(store.head()), '3D000', 'schema', false)
    await store.close()
    await pool.end()
    const client = await session()
    expectState(await failure(statement(client, 'select from nowhere.events')), '42P01', 'schema', false)
    expectState(await failure(statement(client, 'select nowhere.safe_head()')), '3F000', 'schema', false)
  })
})

describe('a server that stops', () => {
  let server: EmbeddedPostgres
  beforeAll(async () => {
    const settings = { max_locks_per_transaction: '10', max_connections: '10', restart_after_crash: 'on' }
    server = await startEmbeddedPostgres({ settings, password: 'right' })
  })
  afterAll(() => server.close())

  test('28P01: a wrong password', async () => {
    const pool = new pg.Pool({ connectionString: server.url.replace('right', 'wrong') })
    expectState(await failure(inTransaction(pool, () => Promise.resolve())), '28P01', 'permission', false)
    await pool.end()
  })

  test('53200: out of shared memory', async () => {
    const client = await connected(server.url)
    const locking = 'select pg_advisory_lock(n) from generate_series(1, 100000) n'
    expectState(await failure(statement(client, locking)), '53200', 'out-of-resources', true)
  })

  test('57P02: another backend crashed, which Postgres says in a warning only; the server comes back', async () => {
    const [client, victim] = [await connected(server.url), await connected(server.url)]
    const { rows } = await victim.query<{ pid: number }>('select pg_backend_pid() as pid')
    const warnings: (string | undefined)[] = []
    client.on('notice', ({ code }) => warnings.push(code))
    const sleeping = failure(statement(client, 'select pg_sleep(30)'))
    await statement(await connected(server.url), 'select 1')
    process.kill(rows[0]!.pid, 'SIGKILL')
    expectState(await sleeping, undefined, 'connection', true)
    expect(warnings).toEqual(['57P02'])
    await vi.waitFor(async () => statement(await connected(server.url), 'select 1'), { timeout: 20_000 })
  })

  test('57P03: it takes no new sessions; then it is gone', async () => {
    const last = await connected(server.url)
    await server.kill('SIGTERM')
    const pool = new pg.Pool({ connectionString: server.url })
    await vi.waitFor(async () => {
      expectState(await failure(inTransaction(pool, () => Promise.resolve())), '57P03', 'connection', true)
    })
    await last.end()
    await server.stop()
    const error = await failure(inTransaction(pool, () => Promise.resolve()))
    expectState(error, undefined, 'connection', true)
    expect((error as DatabaseError).cause).toMatchObject({ code: 'ECONNREFUSED' })
    await pool.end()
  })
})

test('a connection that breaks for good: reads say so, an append that was sent does not know its outcome', async () => {
  const database = await createTestDatabase({ template: databaseTemplate })
  const url = new URL(database.directUrl)
  const proxy = await createFaultProxy({ target: { host: url.hostname, port: Number(url.port) } })
  url.host = `${proxy.host}:${proxy.port}`
  const pool = new pg.Pool({ connectionString: url.href })
  const store = createEventStore(pool, { listen: false, retryForMs: 300 })
  await store.head()
  // The events arrive, the reply is lost, and nobody answers any more.
  const id = '01980000-0000-7000-8000-000000000001'
  proxy.dropWhen({
    direction: 'down',
    when: ({ bytes }) => {
      if (!bytes.includes('INSERT 0 1')) return false
      proxy.refuse()
      return true
    },
  })
  const append = store.appendToStream('cut-1', [{ id, type: 'Happened', data: {} }], { expectedVersion: 'any' })
  expect(await failure(append)).toMatchObject({ code: 'EVENTSTORE_OUTCOME_UNKNOWN', eventIds: [id] })
  expectState(await failure(store.readStream('cut-1')), undefined, 'connection', true)
  proxy.heal()
  const again = await store.appendToStream('cut-1', [{ id, type: 'Happened', data: {} }], { expectedVersion: 'any' })
  expect(again).toMatchObject({ duplicate: true, version: 1n })
  await store.close()
  await pool.end()
  await proxy.close()
  await database.drop()
})
