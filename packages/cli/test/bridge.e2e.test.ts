import { runKafkaTool } from '@tidemark/test-servers'
import { afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { useCounterDatabase } from './counter-store.js'
import { runCli, startCli, type RunningCli } from './run-cli.js'

const brokers = inject('kafkaBrokers')
const topic = `cli-bridge-${process.pid}-${Date.now()}`

describe.skipIf(!brokers)('tidemark bridge', () => {
  const database = useCounterDatabase(2)
  let running: RunningCli | undefined
  const environment = () => ({ DATABASE_URL: database.url, KAFKA_BROKERS: brokers!, TEST_TOPIC: topic })
  const run = (...args: string[]) => runCli(args, { env: environment() })
  const json = async (...args: string[]) => {
    const { code, stdout } = await run(...args, '-o', 'json')
    return { code, ...JSON.parse(stdout) }
  }

  async function startBridge(env: Record<string, string> = {}): Promise<void> {
    running = startCli(['start', '--only', 'bridge', '--log-level', 'error'], { env: { ...environment(), ...env } })
    for (;;) {
      const { data } = await json('bridge', 'list')
      if (data[0].state === 'running' && data[0].lag === '0') return
    }
  }
  async function stopBridge(): Promise<void> {
    running?.child.kill('SIGTERM')
    await running?.ended
    running = undefined
  }
  afterEach(stopBridge)
  beforeAll(async () => {
    await database.add('1', 13)
    await database.add('1', 4)
  })

  it('says what is to be done before a bridge was ever started', async () => {
    expect(await run('bridge', 'pause', 'counters', '--reason', 'none')).toMatchObject({ code: 1, stdout: '' })
    const shown = await run('bridge', 'show', 'counters')
    expect(shown.stdout).toContain('tidemark start --only bridge')
    expect((await run('bridge', 'parked', 'counter')).stderr).toContain('did you mean "counters"?')
    const without = await runCli(['bridge', 'retry', 'counters'], { env: { DATABASE_URL: database.url } })
    expect(without).toMatchObject({ code: 2, stdout: '' })
    expect(without.stderr).toContain('set KAFKA_BROKERS')
  })

  it('lists what is parked, and publishes it once that was mended', async () => {
    await startBridge({ TEST_REFUSES_13: '1' })
    expect((await json('bridge', 'list')).data).toMatchObject([{ name: 'counters', parkedKeys: 1, parkedEvents: 2 }])
    expect((await json('bridge', 'show', 'counters')).data).toMatchObject({ parkedEvents: 2, topics: [topic] })
    const { data } = await json('bridge', 'parked', 'counters')
    expect(data).toMatchObject([
      { key: 'counter-1', version: '2', status: 'failed', error: { code: 'FANOUT_EVENT_NOT_PUBLISHABLE' } },
      { key: 'counter-1', version: '3', status: 'blocked' },
    ])
    expect((await json('bridge', 'parked', 'counters', '--failed')).data).toHaveLength(1)
    expect((await run('bridge', 'parked', 'counters')).stdout).toContain('13 is not for us')
    expect((await json('bridge', 'parked', 'counters', '--key', 'counter-2')).data).toEqual([])

    const still = await runCli(['bridge', 'retry', 'counters', '-o', 'json'], {
      env: { ...environment(), TEST_REFUSES_13: '1' },
    })
    expect(still.code).toBe(3)
    expect(JSON.parse(still.stdout).data.keys).toMatchObject([{ key: 'counter-1', published: 0, waiting: 2 }])
    expect((await json('bridge', 'retry', 'counters', '--key', 'counter-2')).data.keys).toEqual([])
    expect(await json('bridge', 'retry', 'counters', '--key', 'counter-1')).toMatchObject({
      code: 0,
      data: { bridge: 'counters', keys: [{ key: 'counter-1', published: 2, waiting: 0 }] },
    })
    expect((await json('bridge', 'parked', 'counters')).data).toEqual([])
    const { stdout } = await runKafkaTool(brokers!, 'org.apache.kafka.tools.consumer.ConsoleConsumer', [
      ...['--topic', topic, '--from-beginning', '--max-messages', '4', '--timeout-ms', '20000'],
    ])
    expect(stdout.split('\n').filter((line) => line !== '')).toEqual(
      [1, 2, 13, 4].map((amount) => JSON.stringify({ amount })),
    )
  })

  it('drains, and publishes a part of the log again', async () => {
    const drained = await json('bridge', 'drain', 'counters')
    expect(drained).toMatchObject({
      code: 0,
      data: { bridge: 'counters', parkedEvents: 0, topics: [topic], groups: [] },
    })
    const behind = await run('bridge', 'drain', 'counters', '--group', `${topic}-nobody`, '--timeout', '1')
    expect(behind).toMatchObject({ code: 1, stdout: '' })
    expect(behind.stderr).toContain(`group "${topic}-nobody" has 4 records of topic "${topic}" before it`)
    expect((await run('bridge', 'replay', 'counters')).code).toBe(5)
    const replayed = await json('bridge', 'replay', 'counters', '--yes', '--from', drained.data.position)
    expect(replayed).toMatchObject({ code: 0, data: { published: 1, leftOut: 0, position: drained.data.position } })
  })

  it('pauses a bridge that another process runs, and lets it go on', async () => {
    await startBridge()
    expect(await json('bridge', 'pause', 'counters', '--reason', 'brokers')).toMatchObject({
      code: 0,
      data: { bridge: 'counters', paused: true, reason: 'brokers' },
    })
    const again = await run('bridge', 'pause', 'counters', '--reason', 'another')
    expect(again.stderr).toContain('it was paused before: brokers')
    const { data } = await json('bridge', 'list')
    expect(data).toMatchObject([{ state: 'paused', stall: { reason: 'paused', why: 'brokers' } }])
    expect((await json('bridge', 'resume', 'counters')).data).toEqual({ bridge: 'counters', resumed: true })
    expect((await run('bridge', 'resume', 'counters')).stderr).toContain('neither paused nor halted')
  })

  it('shows the lanes of a bridge that was split, and who has them', async () => {
    await startBridge({ TEST_LANES: '2' })
    const { data } = await json('bridge', 'show', 'counters')
    expect(data).toMatchObject({
      state: 'running',
      lanes: [0, 1].map((lane) => ({ lane, checkpoint: `bridge:counters/${lane}-of-2`, owner: data.owner, lag: '0' })),
    })
    expect((await run('bridge', 'show', 'counters')).stdout).toMatch(/lane 1\s+running by \S+ at \d+, 0 behind/)
    const drained = await runCli(['bridge', 'drain', 'counters', '-o', 'json'], {
      env: { ...environment(), TEST_LANES: '2' },
    })
    expect(drained).toMatchObject({ code: 0 })
    expect((await json('bridge', 'pause', 'counters', '--reason', 'lanes')).data).toMatchObject({ paused: true })
    const paused = (await json('bridge', 'list')).data[0].lanes as { state: string }[]
    expect(paused.map(({ state }) => state)).toEqual(['paused', 'paused'])
    expect((await json('bridge', 'resume', 'counters')).data).toMatchObject({ resumed: true })
  })
})
