import { existsSync, readFileSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import pg from 'pg'
import { startEmbeddedPostgres, type EmbeddedPostgres, type EmbeddedPostgresOptions } from '../src/index.js'

const started: EmbeddedPostgres[] = []
afterEach(async () => {
  await Promise.all(started.splice(0).map((postgres) => postgres.close()))
})

async function start(options?: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres(options)
  started.push(postgres)
  return postgres
}

async function query(url: string, text: string): Promise<unknown[][]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query({ text, rowMode: 'array' })).rows as unknown[][]
  } finally {
    await client.end()
  }
}

test('runs, keeps durability on, and takes settings', async () => {
  const { url } = await start({ settings: { max_connections: '37' } })
  expect(await query(url, 'show fsync')).toEqual([['on']])
  expect(await query(url, 'show synchronous_commit')).toEqual([['on']])
  expect(await query(url, 'show max_connections')).toEqual([['37']])
})

test('does not run as root', async () => {
  const { pid } = await start()
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  expect(status).not.toMatch(/^Uid:\s+0\b/m)
})

test('keeps acknowledged rows over SIGKILL and a restart on the same port', async () => {
  const postgres = await start()
  await query(postgres.url, 'create table kept (n int)')
  await query(postgres.url, 'insert into kept values (7)')
  const before = postgres.pid
  await postgres.kill('SIGKILL')
  expect(postgres.pid).toBeUndefined()
  await postgres.start()
  expect(postgres.pid).not.toBe(before)
  expect(await query(postgres.url, 'select n from kept')).toEqual([[7]])
  await postgres.stop('immediate')
  await postgres.start()
  await postgres.stop('fast')
  await postgres.start()
  expect(await query(postgres.url, 'select n from kept')).toEqual([[7]])
})

test('is frozen by SIGSTOP to all of its processes, and can still be closed', async () => {
  const postgres = await start()
  const client = new pg.Client({ connectionString: postgres.url })
  client.on('error', () => undefined)
  await client.connect()
  postgres.signalAll('SIGSTOP')
  const answer = client.query('select 1').catch(() => undefined)
  const winner = await Promise.race([answer.then(() => 'answer'), new Promise((r) => setTimeout(r, 300, 'silence'))])
  expect(winner).toBe('silence')
  postgres.signalAll('SIGCONT')
  expect(await answer).toBeDefined()
  postgres.signalAll('SIGSTOP')
  await postgres.close()
  expect(postgres.pid).toBeUndefined()
})

test('asks for the password it was given', async () => {
  const { url } = await start({ password: 's3cret/@' })
  expect(await query(url, 'select 1')).toEqual([[1]])
  const wrong = new URL(url)
  wrong.password = 'wrong'
  await expect(query(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' })
})

test('deletes its folder when it is closed, twice without harm', async () => {
  const postgres = await start()
  await postgres.close()
  await postgres.close()
  expect(existsSync(postgres.dataDir)).toBe(false)
})

test('says what Postgres wrote when a setting is wrong', async () => {
  await expect(start({ settings: { shared_buffers: 'plenty' } })).rejects.toMatchObject({
    code: 'TEST_SERVERS_START_FAILED',
    message: expect.stringContaining('shared_buffers'),
  })
})

test('several start at once', async () => {
  const servers = await Promise.all([start(), start(), start()])
  expect(new Set(servers.map(({ port }) => port)).size).toBe(3)
})
