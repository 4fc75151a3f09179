import { createKafkaProducer } from '@tidemark/fanout'
import { freePort } from '@tidemark/test-servers'
import pg from 'pg'
import { afterEach, describe, expect, inject, it } from 'vitest'
import { useCounterDatabase } from './counter-store.js'
import { runCli, startCli, type RunningCli } from './run-cli.js'

const database = useCounterDatabase()
const running: RunningCli[] = []
afterEach(async () => {
  for (const { child, ended } of running.splice(0)) {
    child.kill('SIGTERM')
    await ended
  }
})

async function start(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const port = await freePort()
  const cli = startCli(['start', ...args], { env: { DATABASE_URL: database.url, PORT: String(port), ...env } })
  running.push(cli)
  await cli.until(/"msg":"running"/)
  return { cli, url: `http://127.0.0.1:${port}` }
}

async function query<Row extends pg.QueryResultRow>(text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  const { rows } = await client.query<Row>(text)
  await client.end()
  return rows
}

async function leasesHeld(): Promise<string[]> {
  const held = 'select name from tidemark.checkpoints where lease_until > clock_timestamp() order by name'
  return (await query<{ name: string }>(held)).map(({ name }) => name)
}

const add = (url: string, id: string) =>
  fetch(`${url}/v1/counter/${id}/add`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"amount":7}',
  })

describe('tidemark start', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('gives its leases back on %s and ends with 0', async (signal) => {
    const { cli } = await start([])
    await expect
      .poll(leasesHeld, { timeout: 10_000 })
      .toEqual(['projection:audit-v1', 'projection:counter_totals_v1_1'])
    const toldAt = performance.now()
    cli.child.kill(signal)
    const { code, stdout, stderr } = await cli.ended
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    expect(performance.now() - toldAt).toBeLessThan(10_000)
    expect(await leasesHeld()).toEqual([])
    // Every line that it logs is JSON.
    for (const line of stderr.trim().split('\n')) expect(() => JSON.parse(line) as unknown).not.toThrow()
    expect(stderr).toContain('no bridge runs: KAFKA_BROKERS is not set')
    expect(stderr).toContain('no consumer runs: KAFKA_BROKERS is not set')
  })

  it('reads what it wrote although another process keeps the read model', async () => {
    const api = await start(['--only', 'api'])
    const projections = await start(['--only', 'projections'])
    expect(projections.cli.written.stderr).not.toContain('"url"')
    const placed = await add(api.url, 'split')
    expect(placed.status).toBe(201)
    const read = await fetch(`${api.url}/v1/counter-totals/split`, {
      headers: { 'consistency-token': placed.headers.get('consistency-token')!, prefer: 'wait=5' },
    })
    expect(await read.json()).toMatchObject({ counterId: 'split', total: 7 })
  })

  it('stops when it is told so while it starts', async () => {
    const cli = startCli(['start', '--only', 'projections', '--log-level', 'debug'], {
      env: { DATABASE_URL: database.url },
    })
    running.push(cli)
    await cli.until(/"msg":"listening"/)
    cli.child.kill('SIGTERM')
    expect((await cli.ended).code).toBe(0)
    expect(await leasesHeld()).toEqual([])
  })

  it.skipIf(!inject('kafkaBrokers'))(
    'runs the consumers of the configuration, and lets them finish',
    async () => {
      const topic = `cli-start-${process.pid}-${Date.now()}`
      const kafka = { KAFKA_BROKERS: inject('kafkaBrokers')!, TEST_TOPIC: topic, TEST_NOTES: '1' }
      const producer = createKafkaProducer({ brokers: [kafka.KAFKA_BROKERS] })
      for (const name of [topic, `${topic}-dlt`])
        await producer.createTopic(name, { partitions: 1, replicationFactor: 1 })
      await producer.disconnect()
      // Makes the table that the consumer writes to; again, it changes nothing.
      for (let run = 0; run < 2; run++)
        expect(await runCli(['db', 'migrate'], { env: { DATABASE_URL: database.url } })).toMatchObject({ code: 0 })
      const { cli, url } = await start([], kafka)
      expect(cli.written.stderr).toMatch(/"bridges":\["counters"\],"consumers":\["counter-notes"\],"msg":"running"/)
      expect((await add(url, 'noted')).status).toBe(201)
      await expect
        .poll(() => query(`select amount from notes where counter_id = 'noted'`), { timeout: 60_000 })
        .toEqual([{ amount: 7 }])
      const list = async () => {
        const env = { DATABASE_URL: database.url, ...kafka }
        const { stdout } = await runCli(['consumers', 'list', '-o', 'json'], { env })
        return (JSON.parse(stdout) as { data: unknown }).data
      }
      await expect.poll(list, { timeout: 60_000 }).toMatchObject([{ state: 'Stable', members: 1, lag: '0' }])
      cli.child.kill('SIGTERM')
      expect((await cli.ended).code).toBe(0)
      expect(await list()).toMatchObject([{ state: 'Empty', members: 0, lag: '0' }])
      const alone = await start(['--only', 'consumers'], kafka)
      expect(alone.cli.written.stderr).toMatch(/"bridges":\[\],"consumers":\["counter-notes"\]/)
    },
    180_000,
  )

  it.skipIf(!inject('kafkaBrokers'))('makes no topics on a Kafka of somebody else', async () => {
    const refused = startCli(['start', '--only', 'bridge', '--log-level', 'error'], {
      env: { DATABASE_URL: database.url, KAFKA_BROKERS: inject('kafkaBrokers')! },
    })
    running.push(refused)
    // The topic is not there, and `start` makes none on somebody's cluster.
    const { code, stderr } = await refused.ended
    expect(code).toBe(2)
    expect(stderr).toContain('counter.events')
  })
})
