import { createTestDatabase, freePort, startEmbeddedPostgres, type EmbeddedPostgres } from '@tidemark/test-servers'
import { databaseTemplate, latestMigration } from '@tidemark/migrations'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli, type RunOptions } from './run-cli.js'

const folder = mkdtempSync(join(tmpdir(), 'tidemark-cli-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Runs a command that must be refused: exit code 2, nothing on stdout, one line on stderr and no stack in it. */
async function refusal(args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await runCli(args, options)
  const lines = stderr.trimEnd().split('\n')
  expect({ code, stdout, lines: lines.length }).toEqual({ code: 2, stdout: '', lines: 1 })
  expect(stderr).not.toMatch(/\n\s+at |node:internal/)
  return stderr.trimEnd()
}

describe('a wrong command line', () => {
  it.each([
    [['projection', 'list'], "error: unknown command 'projection' (Did you mean projections?)"],
    [['streams', 'shwo'], "error: unknown command 'shwo' (Did you mean show?)"],
    [['streams', 'show', 'order-1', '--limt', '3'], "error: unknown option '--limt' (Did you mean --limit?)"],
    [['streams', 'list', '--limit', 'many'], 'It is a whole number.'],
    [['streams', 'show'], "error: missing required argument 'stream'"],
    [['streams', 'list', '-o', 'yaml'], "argument 'yaml' is invalid. Allowed choices are table, json, ndjson."],
    [
      ['start', '--only', 'api,kafka'],
      '--only knows no service "kafka": there are api, projections, bridge, consumers',
    ],
    [['start', '--port', '-1'], '--port is "-1": a port is a whole number up to 65535'],
  ])('%j is refused', async (args, message) => {
    expect(await refusal(args)).toContain(message)
  })

  it('is told as JSON to those who asked for it', async () => {
    const { code, stdout, stderr } = await runCli(['projections', 'rebuild', 'x', '-o', 'json'], {
      env: { DATABASE_URL: 'postgres://127.0.0.1:1/x' },
    })
    expect(code).toBe(2)
    expect(JSON.parse(stdout)).toMatchObject({ status: 'error', data: null, error: { code: 'CLI_SURROUNDING' } })
    expect(stderr).toMatch(/^error: no Postgres at/)
  })

  it('shows where an error came from only with --debug', async () => {
    const { stderr, code } = await runCli(['db', 'status', '--debug'], { env: { DATABASE_URL: 'nonsense' } })
    expect(code).toBe(2)
    expect(stderr).toMatch(/^error: DATABASE_URL is not a Postgres URL.*\n[^]*\n\s+at /)
  })

  it('without any command shows the help', async () => {
    const { code, stderr } = await runCli([])
    expect(code).toBe(2)
    expect(stderr).toContain('Usage: tidemark')
    expect((await runCli(['--help'])).code).toBe(0)
    expect((await runCli(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})

describe('a wrong configuration', () => {
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return ['config', 'print', '--config', join(folder, name)]
  }

  it('is missed', async () => {
    expect(await refusal(['config', 'print'], { cwd: folder })).toContain('there is no tidemark.config.ts in')
    expect(await refusal(['config', 'print', '--config', 'none.ts'])).toContain('there is no configuration file')
  })

  it.each([
    ['throws.ts', 'throw new Error("no luck")', 'could not be loaded: no luck'],
    ['empty.ts', 'export const x = 1', 'lists no aggregates'],
    ['syntax.ts', 'export default {', 'could not be loaded'],
    [
      'stranger.ts',
      'export default { aggregates: [5] }',
      'has something in `aggregates` (number 1) that is no definition',
    ],
    ['twice.ts', 'export default { aggregates: [{ name: "a" }, { name: "a" }] }', 'lists "a" twice in `aggregates`'],
    [
      'schema.ts',
      'export default { aggregates: [], database: { schema: "My Shop" } }',
      'database.schema: schema name "My Shop"',
    ],
  ])('%s is refused', async (name, text, message) => {
    expect(await refusal(write(name, text))).toContain(message)
  })
})

describe('a database that cannot be used', () => {
  const read = (url: string) => refusal(['projections', 'list'], { env: { DATABASE_URL: url } })
  let server: EmbeddedPostgres
  beforeAll(async () => void (server = await startEmbeddedPostgres({ password: 'right' })))
  afterAll(() => server.close())

  it('is not named', async () => {
    expect(await refusal(['projections', 'list'])).toBe(
      'error: no database is named: set DATABASE_URL, or run `tidemark dev` in another terminal',
    )
  })

  it('does not answer', async () => {
    const port = await freePort()
    expect(await read(`postgres://someone@127.0.0.1:${port}/shop`)).toBe(
      `error: no Postgres at 127.0.0.1:${port}/shop answers: start it, or correct DATABASE_URL`,
    )
    // By its name there are two addresses, and neither answers.
    expect(await read(`postgres://someone@localhost:${port}/shop`)).toContain(`no Postgres at localhost:${port}/shop`)
  })

  it('is something else', async () => {
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    expect(await read(`postgres://someone@127.0.0.1:${port}/shop`)).toContain(`Postgres at 127.0.0.1:${port}/shop`)
    silent.close()
  })

  it('refuses the password', async () => {
    const url = new URL(server.url)
    url.password = 'wrong'
    expect(await read(url.href)).toContain('refuses the password of user "postgres": correct DATABASE_URL')
    url.password = ''
    expect(await read(url.href)).toMatch(/cannot be used: .*DATABASE_URL has no password/)
  })

  it('does not exist', async () => {
    const url = new URL(server.url)
    url.pathname = '/nothing'
    expect(await read(url.href)).toContain('there is no database "nothing"')
  })

  it('was never migrated, and says what to do', async () => {
    expect(await read(server.url)).toContain('run `tidemark db migrate`')
    const status = await runCli(['db', 'status', '-o', 'json'], { env: { DATABASE_URL: server.url } })
    expect(status.code).toBe(3)
    expect(JSON.parse(status.stdout).data).toMatchObject({ version: 0, state: 'too old' })
  })

  it('can be migrated, twice', async () => {
    const migrate = async () => {
      const { code, stdout } = await runCli(['db', 'migrate', '-o', 'json'], { env: { DATABASE_URL: server.url } })
      expect(code).toBe(0)
      return JSON.parse(stdout).data
    }
    expect(await migrate()).toMatchObject({ version: latestMigration, applied: expect.arrayContaining(['events']) })
    expect(await migrate()).toMatchObject({ version: latestMigration, applied: [] })
  })

  it('is too new, or too old', async () => {
    const database = await createTestDatabase({ template: databaseTemplate })
    const pool = database.createPool()
    await pool.query(`insert into tidemark.migrations (id, name, hash) values (900, 'later', 'x')`)
    expect(await read(database.url)).toMatch(/is at migration 900, this code knows \d+: upgrade/)
    expect(await refusal(['db', 'migrate'], { env: { DATABASE_URL: database.url } })).toContain('is at migration 900')
    await pool.query('delete from tidemark.migrations where id >= $1', [latestMigration])
    expect(await read(database.url)).toMatch(/is at migration \d+, this code needs \d+: run `tidemark db migrate`/)
    await database.drop()
  })
})

describe('surroundings that do not fit', () => {
  it('are a port that somebody else has', async () => {
    const database = await createTestDatabase({ template: databaseTemplate })
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    expect(await refusal(['start', '--only', 'api'], { env: { DATABASE_URL: database.url, PORT: String(port) } })).toBe(
      `error: port ${port} at 127.0.0.1 is in use by another program: end that, or choose another port with PORT or --port`,
    )
    other.close()
    expect(
      await refusal(['start', '--only', 'api', '--host', '0.0.0.0'], { env: { DATABASE_URL: database.url } }),
    ).toContain('does not listen on "0.0.0.0"')
    await database.drop()
  })

  it('are a broker that does not answer, or none', async () => {
    const database = await createTestDatabase({ template: databaseTemplate })
    const start = ['start', '--only', 'bridge', '--log-level', 'error']
    const port = await freePort()
    const env = { DATABASE_URL: database.url, KAFKA_BROKERS: `127.0.0.1:${port}` }
    expect(await refusal(start, { env })).toContain(`127.0.0.1:${port}`)
    expect(await refusal(start, { env: { DATABASE_URL: database.url } })).toContain('set KAFKA_BROKERS')
    await database.drop()
  })
})
