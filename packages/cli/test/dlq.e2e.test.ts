import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { useCounterDatabase } from './counter-store.js'
import { runCli } from './run-cli.js'

const database = useCounterDatabase(3)
let client: pg.Client
const positions: Record<string, string> = {}
beforeAll(async () => {
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  for (const [id, amount] of [
    ['1', 13],
    ['1', 100],
    ['2', 13],
    ['3', 13],
  ] as const)
    await database.add(id, amount)
  const { rows } = await client.query<{ stream_id: string; position: string }>(
    `select stream_id, position from tidemark.events where (data->>'amount')::int = 13`,
  )
  for (const { stream_id, position } of rows) positions[stream_id] = position
  expect((await run('projections', 'rebuild', 'counter-totals')).code).toBe(0)
})
afterAll(() => client.end())

const run = (...args: string[]) => runCli(args, { env: { DATABASE_URL: database.url, TEST_REFUSES_13: '1' } })
const mended = (...args: string[]) => runCli(args, { env: { DATABASE_URL: database.url } })
const json = async (...args: string[]) => {
  const { code, stdout } = await run(...args, '-o', 'json')
  return { code, ...JSON.parse(stdout) }
}
const totals = async () => {
  const { rows } = await client.query<{ counter_id: string; total: string }>(
    'select * from tidemark_read.counter_totals order by 1',
  )
  return Object.fromEntries(rows.map(({ counter_id, total }) => [counter_id, Number(total)]))
}

describe('tidemark dlq', () => {
  it('lists failures that are alike together, and each event', async () => {
    const { code, data } = await json('dlq', 'list')
    expect(code).toBe(0)
    expect(data).toMatchObject([{ projection: 'counter-totals', type: 'Added', failed: 3, streams: 3, blocked: 1 }])
    const each = await json('dlq', 'list', '--events', '--projection', 'counter-totals')
    expect(each.data.map(({ status }: { status: string }) => status)).toEqual(['failed', 'blocked', 'failed', 'failed'])
    const shown = await run('dlq', 'list')
    expect(shown.stdout).toMatch(/projection +fingerprint +event +failed +streams +waiting/)
    expect(shown.stdout).toContain('13 is not for us')
    expect(await json('dlq', 'list', '--projection', 'audit')).toMatchObject({ code: 0, data: [] })
    expect(await json('dlq', 'list', '--projection', 'none')).toMatchObject({ code: 2, data: null })
  })

  it('shows one with its data and where it failed', async () => {
    const { code, data } = await json('dlq', 'show', 'counter-totals', positions['counter-1']!)
    expect(code).toBe(0)
    expect(data).toMatchObject({ streamId: 'counter-1', status: 'failed', blocks: 1, data: { amount: 13 } })
    expect(data.stack).toContain('tidemark.config.ts')
    const missing = await run('dlq', 'show', 'counter-totals', '1')
    expect(missing).toMatchObject({ code: 1, stdout: '' })
    expect(missing.stderr).toContain('no event at position 1')
  })

  it('tries one without a change: 3 while it fails, 0 once the code takes it', async () => {
    const position = positions['counter-1']!
    const failing = await json('dlq', 'try', 'counter-totals', position)
    expect(failing).toMatchObject({ code: 3, data: { passes: false, alike: { tried: 3, passing: 0 } } })
    const passing = await mended('dlq', 'try', 'counter-totals', position)
    expect(passing.code).toBe(0)
    expect(passing.stdout).toContain('it passes now')
    expect(passing.stdout).toContain('"total":114')
    expect(passing.stderr).toContain('3 of 3 that failed alike would pass; nothing was changed')
    expect(await totals()).toEqual({ 1: 1, 2: 2, 3: 3 })
  })

  it('retries those that were chosen, and says which fail again', async () => {
    expect(await run('dlq', 'retry', 'counter-totals')).toMatchObject({ code: 2, stdout: '' })
    expect(await run('dlq', 'retry', 'counter-totals', '--all', '--position', '1')).toMatchObject({ code: 2 })
    expect(await run('dlq', 'retry', 'counter-total', '--all')).toMatchObject({ code: 2 })
    const again = await json('dlq', 'retry', 'counter-totals', '--position', positions['counter-1']!)
    expect(again.code).toBe(3)
    expect(again.data.streams).toMatchObject([{ streamId: 'counter-1', handled: 0, failedAt: positions['counter-1'] }])
    const one = await mended('dlq', 'retry', 'counter-totals', '--position', positions['counter-1']!)
    expect(one.code).toBe(0)
    expect(await totals()).toEqual({ 1: 114, 2: 2, 3: 3 })
  })

  it('skips with a reason, once that is confirmed', async () => {
    const skip = ['dlq', 'skip', 'counter-totals', '--position', positions['counter-2']!]
    expect(await run(...skip)).toMatchObject({ code: 2 })
    expect(await run(...skip, '--reason', 'a test')).toMatchObject({ code: 5 })
    expect(await run(...skip, '--reason', 'a test', '--yes')).toMatchObject({ code: 0 })
    const { data } = await json('dlq', 'list', '--skipped')
    expect(data).toMatchObject([{ streamId: 'counter-2', reason: 'a test', status: 'skipped' }])
    const [{ fingerprint }] = (await json('dlq', 'list')).data
    expect((await mended('dlq', 'retry', 'counter-totals', '--fingerprint', fingerprint)).code).toBe(0)
    expect(await totals()).toEqual({ 1: 114, 2: 2, 3: 16 })
    const nothing = await mended('dlq', 'retry', 'counter-totals', '--all')
    expect(nothing).toMatchObject({ code: 0, stdout: '' })
    expect(nothing.stderr).toContain('no event was meant')
  })
})
