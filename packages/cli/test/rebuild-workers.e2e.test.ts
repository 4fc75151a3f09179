import { createEventStore } from '@tidemark/eventstore'
import pg from 'pg'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { useCounterDatabase } from './counter-store.js'
import { killAll, processTree, untilGone } from './process-tree.js'
import { runCli, startCli, type RunningCli } from './run-cli.js'

const database = useCounterDatabase(0)
const env = (extra: Readonly<Record<string, string>> = {}) => ({ DATABASE_URL: database.url, ...extra })
const rebuild = ['projections', 'rebuild', 'counter-totals', '--workers', '3']
const events = 30_000
const slow = (pauseMs = '0.4') => env({ TEST_FOLD_PAUSE_MS: pauseMs })

async function query<Row extends pg.QueryResultRow>(text: string): Promise<pg.QueryResult<Row>> {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  return client.query<Row>(text).finally(() => client.end())
}

async function readTotal(): Promise<number> {
  const { rows } = await query<{ total: string }>('select sum(total) as total from tidemark_read.counter_totals')
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

const started: number[] = []
afterEach(() => killAll(started.splice(0)))

/** Waits until the command has two other processes at work, and returns all three. */
async function atWork({ child, written }: RunningCli): Promise<number[]> {
  await expect
    .poll(() => processTree(child.pid!).length, { timeout: 30_000, message: written.stderr })
    .toBeGreaterThanOrEqual(3)
  const pids = processTree(child.pid!).slice(0, 3)
  started.push(...pids)
  return pids
}

/** Waits until three processes have checkpoints of the build. */
async function sharedOut({ child, written }: RunningCli): Promise<void> {
  const owners = async () => {
    const { rows } = await query<{ owners: string }>(
      `select count(distinct owner) as owners from tidemark.checkpoints where owner like 'rebuild/%' and lease_until > clock_timestamp()`,
    )
    return Number(rows[0]?.owners)
  }
  while ((await owners()) < 3) {
    if (child.exitCode !== null) throw new Error(`it ended before: ${written.stdout}${written.stderr}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

describe('tidemark projections rebuild --workers', () => {
  it('shares the work with other processes, which end with it', async () => {
    const running = startCli([...rebuild, '-o', 'json'], { env: slow() })
    const pids = await atWork(running)
    await sharedOut(running)
    const { code, stdout, stderr } = await running.ended
    expect({ code, stderr: stderr.replaceAll(/^rebuilding counter-totals: \d+\/30000, \d+\/s.*\n/gm, '') }).toEqual({
      ...{ code: 0, stderr: '' },
    })
    const { data } = JSON.parse(stdout)
    expect(data).toMatchObject({ projection: 'counter-totals', rows: events / 1000, promoted: true })
    expect(data.events).toBeGreaterThan(0)
    expect(data.events).toBeLessThan(events)
    expect(await untilGone(pids, 1000)).toEqual([])
    expect(await readTotal()).toBe((events * (events + 1)) / 2)
  })

  it('leaves none of them behind when it is interrupted, and is gone on with', async () => {
    const running = startCli(rebuild, { env: slow('1.5') })
    const pids = await atWork(running)
    await sharedOut(running)
    const toldAt = performance.now()
    running.child.kill('SIGINT')
    const { code, stderr } = await running.ended
    // The batches in work take three seconds each, and nobody needs to be killed.
    expect(performance.now() - toldAt).toBeLessThan(10_000)
    expect(code).toBe(130)
    expect(stderr).toMatch(/error: interrupted: .*`tidemark projections rebuild counter-totals` goes on from here\n$/)
    expect(stderr).not.toContain('worker')
    expect(await untilGone(pids, 1000)).toEqual([])
    const next = await runCli([...rebuild, '-o', 'json'], { env: env() })
    expect(next.code).toBe(0)
    expect(JSON.parse(next.stdout).data.events).toBeLessThan(events)
    expect(await readTotal()).toBe((events * (events + 1)) / 2)
  })

  it('leaves none of them behind when it is killed', async () => {
    const running = startCli(rebuild, { env: slow('1.5') })
    const pids = await atWork(running)
    await sharedOut(running)
    running.child.kill('SIGKILL')
    expect(await untilGone(pids, 20_000)).toEqual([])
    // They did not end because they were done.
    const { rows } = await query<{ shard: string }>(
      `select c.name as shard from tidemark.checkpoints c, tidemark.projections p
        where p.status = 'building' and c.name like '%/_' and c.position < p.target order by 1`,
    )
    expect(rows.map(({ shard }) => shard.split('/')[1])).toEqual(['0', '1', '2'])
  })

  it('goes on without one that dies, and says so', async () => {
    const running = startCli([...rebuild, '-o', 'json'], { env: slow() })
    const [, worker] = await atWork(running)
    await sharedOut(running)
    process.kill(worker!, 'SIGKILL')
    const { code, stderr } = await running.ended
    expect(code).toBe(0)
    expect(stderr).toMatch(/^worker [12] ended with SIGKILL; its part was done without it$/m)
    expect(await readTotal()).toBe((events * (events + 1)) / 2)
  })

  it('lists the speed and the time left of what another process runs', async () => {
    // The live table begins anew, and so has far to go.
    await query(`update tidemark.checkpoints set position = 0, event_id = null where name like 'projection:counter%'`)
    const running = startCli(['start', '--only', 'projections'], { env: slow('0.2') })
    started.push(running.child.pid!)
    await running.until(/"running"/)
    let status = { eventsPerSecond: 0, etaMs: 0, lag: '0' }
    const look = async () => {
      const { stdout } = await runCli(['projections', 'show', 'counter-totals', '-o', 'json'], { env: env() })
      status = JSON.parse(stdout).data
      return status.etaMs
    }
    await expect.poll(look, { timeout: 20_000 }).toBeGreaterThan(0)
    expect(status.eventsPerSecond).toBeGreaterThan(0)
    expect(status.etaMs).toBeCloseTo((Number(status.lag) / status.eventsPerSecond) * 1000, 0)
    running.child.kill('SIGTERM')
    await running.ended
  })
})
