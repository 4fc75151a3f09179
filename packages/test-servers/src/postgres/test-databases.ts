import { createHash, randomBytes } from 'node:crypto'
import pg from 'pg'
import { setTimeout as sleep } from 'node:timers/promises'
import { urlOfDatabase, withAdminClient } from './admin-client.js'

/** The server that test databases are made on, and the run that they belong to. */
export interface TestDatabaseServer {
  readonly url: string
  readonly directUrl: string
  readonly runId: string
}

/** What every clone starts with. */
export interface DatabaseTemplate {
  readonly name: string
  /** Changes whenever `prepare` would make something else, such as a hash over the migrations' files. */
  readonly contentHash: string
  /** Fills the empty template database, by a direct connection. It must close its connections. */
  readonly prepare: (url: string) => Promise<void>
}

const objectInUse = '55006'
const undefinedDatabase = '3D000'

const sqlStateOf = (error: unknown) => (error instanceof pg.DatabaseError ? error.code : undefined)

const templatePrefix = (runId: string) => `tidemark_tpl_${runId}_`
const clonePrefix = (runId: string) => `tidemark_test_${runId}_`

/** CREATE DATABASE … TEMPLATE refuses while another session is in the template, if only to leave it. */
async function createFrom(client: pg.Client, name: string, template: string): Promise<void> {
  const deadline = performance.now() + 30_000
  for (;;) {
    try {
      await client.query(`create database ${name} template ${template}`)
      return
    } catch (error) {
      if (sqlStateOf(error) !== objectInUse || performance.now() > deadline) throw error
      await sleep(50 + Math.random() * 100)
    }
  }
}

async function dropDatabase(client: pg.Client, name: string): Promise<void> {
  try {
    await client.query(`alter database ${name} is_template false`)
  } catch (error) {
    if (sqlStateOf(error) === undefinedDatabase) return
    throw error
  }
  await untilLeft(client, name)
  await client.query(`drop database if exists ${name} with (force)`)
}

/** Waits a moment for sessions that are just ending: a driver that is told of a forced end meanwhile has nobody to tell it to. */
async function untilLeft(client: pg.Client, name: string): Promise<void> {
  const deadline = performance.now() + 300
  while (performance.now() < deadline) {
    const { rowCount } = await client.query('select from pg_stat_activity where datname = $1 limit 1', [name])
    if (rowCount === 0) return
    await sleep(20)
  }
}

/**
 * Makes sure that the template's database is there, and returns its name.
 *
 * All processes that use the server agree by a lock on the maintenance database, so one of them prepares it and the
 * others wait. A template counts as finished only when it is marked as one: half a template, left by a killed process,
 * is made again.
 */
async function ensureTemplate(server: TestDatabaseServer, template: DatabaseTemplate): Promise<string> {
  const key = createHash('sha256').update(`${template.name}\0${template.contentHash}`).digest('hex').slice(0, 16)
  const name = `${templatePrefix(server.runId)}${key}`
  return withAdminClient(server.directUrl, async (client) => {
    const lock = `select pg_advisory_lock(hashtext('tidemark_tpl'), hashtext($1))`
    await client.query(lock, [name])
    const { rows } = await client.query<{ finished: boolean }>(
      'select datistemplate as finished from pg_database where datname = $1',
      [name],
    )
    if (rows[0]?.finished) return name
    await dropDatabase(client, name)
    await createFrom(client, name, 'template0')
    try {
      await template.prepare(urlOfDatabase(server.directUrl, name))
      // Without connections autovacuum stays out too, which would hold up the clones.
      await client.query(`alter database ${name} with is_template true allow_connections false`)
    } catch (error) {
      await dropDatabase(client, name)
      throw error
    }
    return name
  })
}

/** Creates a database of the run, from a template or empty, and returns its name. */
export async function createDatabase(server: TestDatabaseServer, template?: DatabaseTemplate): Promise<string> {
  const source = template ? await ensureTemplate(server, template) : 'template0'
  const name = `${clonePrefix(server.runId)}${randomBytes(6).toString('hex')}`
  await withAdminClient(server.directUrl, (client) => createFrom(client, name, source))
  return name
}

/** Drops a database together with the sessions in it; does nothing when it is gone. */
export async function dropTestDatabase(directUrl: string, name: string): Promise<void> {
  await withAdminClient(directUrl, (client) => dropDatabase(client, name))
}

/** Drops every clone and template of a run. */
export async function dropDatabasesOfRun(directUrl: string, runId: string): Promise<void> {
  await withAdminClient(directUrl, async (client) => {
    const { rows } = await client.query<{ datname: string }>(
      'select datname from pg_database where starts_with(datname, $1) or starts_with(datname, $2)',
      [clonePrefix(runId), templatePrefix(runId)],
    )
    for (const { datname } of rows) await dropDatabase(client, datname)
  })
}
