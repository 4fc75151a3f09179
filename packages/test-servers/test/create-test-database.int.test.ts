import pg from 'pg'
import { afterAll, expect, inject, test } from 'vitest'
import { createTestDatabase, type DatabaseTemplate, type TestDatabase, type TestDatabaseServer } from '../src/index.js'
import { dropDatabasesOfRun } from '../src/postgres/test-databases.js'

const made: TestDatabase[] = []
afterAll(() => Promise.all(made.map((database) => database.drop())))

async function create(options?: Parameters<typeof createTestDatabase>[0]): Promise<TestDatabase> {
  const database = await createTestDatabase(options)
  made.push(database)
  return database
}

/** The same server as another run sees it; runs at the same time must not meet here either. */
const serverOfRun = (name: string): TestDatabaseServer => ({
  url: inject('postgresUrl'),
  directUrl: inject('postgresDirectUrl'),
  runId: `${inject('postgresRunId')}_${name}`,
})

let prepared = 0
const template = (contentHash: string): DatabaseTemplate => ({
  name: 'items',
  contentHash,
  prepare: async (url) => {
    prepared++
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await client.query('create table items (n int); insert into items values (1)')
    await client.end()
  },
})

test('clones made at once share one preparation and nothing else', async () => {
  prepared = 0
  const clones = await Promise.all(Array.from({ length: 6 }, () => create({ template: template('a') })))
  expect(prepared).toBe(1)
  const [first, second] = clones.map((clone) => clone.createPool())
  await first!.query('insert into items values (2)')
  expect((await first!.query('select n from items order by n')).rows).toEqual([{ n: 1 }, { n: 2 }])
  expect((await second!.query('select n from items order by n')).rows).toEqual([{ n: 1 }])
})

test('another content hash is prepared anew', async () => {
  prepared = 0
  await create({ template: template('b') })
  await create({ template: template('c') })
  expect(prepared).toBe(2)
})

test('a preparation that fails leaves nothing behind, and is tried again', async () => {
  prepared = 0
  const failing = { ...template('d'), prepare: () => Promise.reject(new Error('broken migration')) }
  await expect(create({ template: failing })).rejects.toThrow('broken migration')
  const database = await create({ template: template('d') })
  expect(prepared).toBe(1)
  expect((await database.createPool().query('select n from items')).rows).toEqual([{ n: 1 }])
})

test('a half-prepared template of a killed process is made again', async () => {
  prepared = 0
  const server = serverOfRun('halfway')
  const once = await create({ template: template('e'), server })
  const admin = new pg.Client({ connectionString: server.directUrl })
  await admin.connect()
  const { rows } = await admin.query('select datname from pg_database where starts_with(datname, $1)', [
    `tidemark_tpl_${server.runId}_`,
  ])
  const name = (rows as { datname: string }[])[0]!.datname
  await admin.query(`alter database ${name} with is_template false allow_connections true`)
  await admin.end()
  await once.drop()
  await create({ template: template('e'), server })
  expect(prepared).toBe(2)
  await dropDatabasesOfRun(server.directUrl, server.runId)
})

test('drop ends the sessions of others, and works twice', async () => {
  const database = await create()
  const stranger = new pg.Client({ connectionString: database.url })
  stranger.on('error', () => undefined)
  await stranger.connect()
  await database.drop()
  await database.drop()
  await expect(stranger.query('select 1')).rejects.toThrow()
})

test('the databases of one run are dropped without touching those of another', async () => {
  const [one, two] = [serverOfRun('one'), serverOfRun('two')]
  await create({ server: one, template: template('f') })
  const other = await create({ server: two, template: template('f') })
  await dropDatabasesOfRun(one.directUrl, one.runId)
  const pool = other.createPool()
  const text = `select count(*)::int from pg_database where datname like 'tidemark\\_%' and strpos(datname, $1) > 0`
  expect((await pool.query(text, [one.runId])).rows).toEqual([{ count: 0 }])
  expect((await pool.query('select n from items')).rows).toEqual([{ n: 1 }])
  await other.drop()
  await dropDatabasesOfRun(two.directUrl, two.runId)
})
