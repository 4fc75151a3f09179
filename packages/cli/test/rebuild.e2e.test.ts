import { createEventStore } from '@tidemark/eventstore'
import pg from 'pg'
import { beforeAll, describe, expect, it } from 'vitest'
import { useCounterDatabase } from './counter-store.js'
import { runCli, startCli, startCliOnTerminal } from './run-cli.js'

const database = useCounterDatabase(0)
const env = (extra: Readonly<Record<string, string>> = {}) => ({ DATABASE_URL: database.url, ...extra })
const rebuild = ['projections', 'rebuild', 'counter-totals']
// Six batches: enough to be interrupted between two of them.
const events = 30_000
const total = (events * (events + 1)) / 2

async function readTotal(): Promise<unknown> {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  const { rows } = await client.query<{ total: string }>('select sum(total) as total from tidemark_read.counter_totals')
  await client.end()
  return Number(rows[0]?.total)
}

beforeAll(async () => {
  const pool = new pg.Pool({ connectionString: database.url, max: 1 })
  const store = createEventStore(pool, { listen: false })
  for (let first = 1; first <= events; first += 1000) {
    const batch = Array.from({ length: 1000 }, (_, index) => ({ type: 'Added', data: { amount: first + index } }))
    await store.appendToStream(`counter-${first}`, batch, { expectedVersion: 'any' })
  }
  await store.close()
  await pool.end()
})

describe('tidemark projections rebuild', () => {
  it('builds a model that was never there, and the same again', async () => {
    for (let round = 1; round <= 2; round++) {
      const { code, stdout, stderr } = await runCli([...rebuild, '-o', 'json'], { env: env() })
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(JSON.parse(stdout).data).toMatchObject({ projection: 'counter-totals', events, rows: events / 1000 })
      expect(await readTotal()).toBe(total)
    }
  })

  it('shows a bar on a terminal and takes it away', async () => {
    const { code, stdout } = await startCliOnTerminal(rebuild, { env: env() }).ended
    expect(code).toBe(0)
    const bars = stdout.split('\r\u001b[K').filter((part) => part.startsWith('rebuilding'))
    expect(bars[0]).toMatch(/^rebuilding counter-totals \[#+ *\] \d+% \d+\/30000, \d+\/s/)
    expect(stdout.lastIndexOf('\r\u001b[K')).toBeLessThan(stdout.indexOf('counter-totals\r\n'))
  })

  it('writes plain lines into a pipe, is interrupted with 130, and goes on', async () => {
    const slow = startCli(rebuild, { env: env({ TEST_FOLD_PAUSE_MS: '0.5' }) })
    await slow.until(/rebuilding counter-totals: \d+\/30000, \d+\/s, \d+ s left\n/)
    const other = startCli(rebuild, { env: env() })
    await other.until(/error/)
    slow.child.kill('SIGINT')
    const { code, stdout, stderr } = await slow.ended
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' })
    expect(stderr).toMatch(/\nerror: interrupted: .*`tidemark projections rebuild counter-totals` goes on from here\n$/)
    expect(stderr).not.toContain('\u001b')
    // Meanwhile nobody else could.
    const refused = await other.ended
    expect(refused.code).toBe(4)
    expect(refused.stderr).toMatch(/^error: projection "counter-totals" is being rebuilt by/)

    const next = await runCli([...rebuild, '-o', 'json'], { env: env() })
    expect(next.code).toBe(0)
    expect(JSON.parse(next.stdout).data.events).toBeLessThan(events)
    expect(await readTotal()).toBe(total)
  })

  it('refuses a handler, which has no table', async () => {
    const { code, stderr } = await runCli(['projections', 'rebuild', 'audit'], { env: env() })
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'error: "audit" is a handler and has no table that could be built anew: give it a new version instead\n',
    })
  })
})

describe('tidemark projections replay', () => {
  it('folds a range without writing', async () => {
    const replay = ['projections', 'replay', 'counter-totals', '--from', '1001', '--to', '2500', '-o', 'json']
    const { code, stdout } = await runCli(replay, { env: env() })
    expect(code).toBe(0)
    expect(JSON.parse(stdout).data).toMatchObject({ projection: 'counter-totals', events: 1500, rowsTouched: 2 })
    expect(await readTotal()).toBe(total)
  })
})
