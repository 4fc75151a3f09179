import { latestMigration } from '@tidemark/migrations'
import { createTestDatabase, type TestDatabase } from '@tidemark/test-servers'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { useCounterDatabase } from './counter-store.js'
import { runCli, startCli } from './run-cli.js'

const database = useCounterDatabase(5)
let readDatabase: TestDatabase
beforeAll(async () => {
  readDatabase = await createTestDatabase()
})
afterAll(() => readDatabase.drop())

const env = (more: Record<string, string> = {}) => ({
  DATABASE_URL: database.url,
  READ_MODELS_URL: readDatabase.url,
  ...more,
})
const json = async (...args: string[]) => {
  const { code, stdout, stderr } = await runCli([...args, '-o', 'json'], { env: env() })
  return { code, stderr, ...(JSON.parse(stdout || '{}') as { data: never }) } as {
    code: number
    stderr: string
    data: never
  }
}
const queryReads = async (text: string) => {
  const client = new pg.Client({ connectionString: readDatabase.url })
  await client.connect()
  const { rows } = await client.query<Record<string, unknown>>(text)
  await client.end()
  return rows
}

describe('a project whose read models are in another database', () => {
  it('is migrated with it, and refused without', async () => {
    const early = await runCli(['projections', 'rebuild', 'counter-totals'], { env: env() })
    expect(early).toMatchObject({ code: 2 })
    expect(early.stderr).toContain('run `tidemark db migrate`')
    expect(await json('db', 'migrate')).toMatchObject({
      code: 0,
      data: { applied: [], readModels: { version: latestMigration } },
    })
    expect(await json('db', 'migrate')).toMatchObject({ code: 0, data: { readModels: { applied: [] } } })
    const same = await runCli(['db', 'migrate'], { env: env({ READ_MODELS_URL: database.url }) })
    expect(same).toMatchObject({ code: 2 })
    const wrong = await runCli(['projections', 'list'], {
      env: env({ DATABASE_URL: readDatabase.url, READ_MODELS_URL: database.url }),
    })
    expect(wrong).toMatchObject({ code: 2 })
    expect(wrong.stderr).toContain('cannot have the read models of this store')
  })

  it('rebuilds, verifies and traces them there', async () => {
    expect(await json('projections', 'rebuild', 'counter-totals', '--workers', '2')).toMatchObject({
      ...{ code: 0, data: { rows: 5, promoted: true } },
    })
    expect(await queryReads('select count(*)::int as rows from tidemark_read.counter_totals')).toEqual([{ rows: 5 }])
    await queryReads(`update tidemark_read.counter_totals set total = 70 where counter_id = '2'`)
    expect(await json('projections', 'verify', 'counter-totals', '--all')).toMatchObject({ code: 3 })
    expect(await json('projections', 'verify', 'counter-totals', '--all', '--heal')).toMatchObject({ code: 0 })
    expect(await json('blame', 'counter-totals', '2')).toMatchObject({ code: 0, data: { key: '2' } })
    expect(await json('projections', 'list')).toMatchObject({ code: 0 })
  })

  it('is served from there', async () => {
    const running = startCli(['start', '--only', 'api,projections'], { env: env({ PORT: '0' }) })
    try {
      await running.until(/http:\/\/\S+/)
      const [url] = /http:\/\/[0-9.:]+/.exec(running.written.stdout + running.written.stderr) ?? []
      const placed = await fetch(`${url}/v1/counter/6/add`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"amount":6}',
      })
      const token = placed.headers.get('consistency-token') ?? ''
      const read = await fetch(`${url}/v1/counter-totals/6`, {
        headers: { 'consistency-token': token, prefer: 'wait=5' },
      })
      expect(await read.json()).toEqual({ counterId: '6', total: 6 })
    } finally {
      running.child.kill('SIGTERM')
      await running.ended
    }
  })

  it('is told where to go on after the log was restored', async () => {
    const client = new pg.Client({ connectionString: database.url })
    await client.connect()
    await client.query(
      `delete from tidemark.events where position > 3; select setval('tidemark.events_position_seq', 3)`,
    )
    await client.end()
    const refused = await runCli(['db', 'new-epoch', '--reason', 'a test', '--yes'], { env: env() })
    expect(refused).toMatchObject({ code: 2 })
    expect(refused.stderr).toContain('projection:counter_totals')
    const begun = await json('db', 'new-epoch', '--reason', 'a test', '--rewind-to', '3', '--yes')
    expect(begun).toMatchObject({ code: 0 })
    expect(begun.stderr).toContain('rebuild it with `tidemark projections rebuild`')
    expect(await json('projections', 'rebuild', 'counter-totals')).toMatchObject({ code: 0, data: { rows: 3 } })
  })
})
