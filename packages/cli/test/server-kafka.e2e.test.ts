import { createKafkaProducer } from '@tidemark/fanout'
import { describe, expect, inject, it } from 'vitest'
import { useCounterDatabase } from './counter-store.js'
import { runCli } from './run-cli.js'
import { useServer } from './use-server.js'

const brokers = inject('kafkaBrokers')
const topic = `cli-server-${process.pid}-${Date.now()}`

describe.skipIf(!brokers)('through a server', () => {
  const database = useCounterDatabase(2)
  const env = { KAFKA_BROKERS: brokers ?? '', TEST_TOPIC: topic }
  const server = useServer(() => database.url, { env })
  const json = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await server.through([...args, '-o', 'json'])
    return { code, stderr, ...(JSON.parse(stdout) as { data: Record<string, unknown> }) }
  }
  /** Both without what the time makes of it. */
  const alike = async (...args: readonly string[]) => {
    const found = (await server.both(args)).map((one) => {
      return JSON.parse(JSON.stringify(one).replaceAll(/"(lagMs|oldestUnsentMs)":\d+/g, '"$1":0')) as { data: unknown }
    })
    expect(found[1], args.join(' ')).toEqual(found[0])
    return found[0]
  }
  const reason = ['--reason', 'a drill']

  it('the doctor finds the same, and ends the same', async () => {
    const [direct, through] = await server.both(['doctor'])
    const checksOf = (found: unknown) => {
      const { code, data } = found as { code: number; data: { healthy: boolean; findings: { check: string }[] } }
      // How many connections there are, and by how much clocks differ, is another thing a moment later.
      const findings = data.findings.map((each) => (/connections|clock/.test(each.check) ? each.check : each))
      return { code, healthy: data.healthy, findings }
    }
    expect(checksOf(through)).toEqual(checksOf(direct))
    expect(through).toMatchObject({ code: 3, data: { healthy: false } })
    expect(JSON.stringify(through)).toContain(`--create --topic ${topic}`)
  })

  it('bridges are shown, retried and drained', async () => {
    await database.add('1', 13)
    await database.add('1', 4)
    const parking = { DATABASE_URL: database.url, ...env, TEST_REFUSES_13: '1' }
    expect((await runCli(['bridge', 'drain', 'counters'], { env: parking })).code).toBe(3)
    expect(await alike('bridge', 'list')).toMatchObject({ code: 0, data: [{ parkedEvents: 2, topics: [topic] }] })
    expect(await alike('bridge', 'show', 'counters')).toMatchObject({
      data: { name: 'counters', lanes: [{ lane: 0 }] },
    })
    expect(await alike('bridge', 'parked', 'counters')).toMatchObject({
      data: [{ version: '2' }, { status: 'blocked' }],
    })
    expect((await json('bridge', 'parked', 'counters', '--failed')).data).toMatchObject([{ status: 'failed' }])
    expect((await server.through(['bridge', 'show', 'counters'])).stdout).toMatch(/^name +counters\nstate +stopped\n/)

    expect((await server.through(['bridge', 'retry', 'counters'])).code).toBe(2)
    const planned = await json('bridge', 'retry', 'counters', ...reason, '--dry-run')
    expect(planned).toMatchObject({ code: 0, data: { bridge: 'counters', parkedEvents: 2 } })
    expect(await json('bridge', 'retry', 'counters', ...reason)).toMatchObject({
      ...{ code: 0, data: { bridge: 'counters', keys: [{ key: 'counter-1', published: 2, dropped: 0, waiting: 0 }] } },
    })

    const drain = ['bridge', 'drain', 'counters', ...reason]
    expect(await json(...drain)).toMatchObject({
      ...{ code: 0, data: { bridge: 'counters', parkedEvents: 0, topics: [topic], groups: [] } },
    })
    const behind = await server.through([...drain, '--group', `${topic}-nobody`, '--timeout', '1'])
    expect(behind).toMatchObject({ code: 1, stdout: '' })
    expect(behind.stderr).toContain(`group "${topic}-nobody" has 4 records of topic "${topic}" before it`)
  })

  it('bridges are replayed, paused and resumed', async () => {
    const unknown = await server.through(['bridge', 'replay', 'counter', ...reason])
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('did you mean "counters"?') })
    const replay = ['bridge', 'replay', 'counters', ...reason, '--to', '1']
    expect(await server.through(replay)).toMatchObject({ code: 5, stderr: expect.stringContaining('twice?') })
    expect(await json(...replay, '--yes')).toMatchObject({ code: 0, data: { bridge: 'counters', published: 1 } })

    const pause = ['bridge', 'pause', 'counters']
    expect((await json(...pause, ...reason)).data).toEqual({ bridge: 'counters', paused: true, reason: 'a drill' })
    const again = await json(...pause, '--reason', 'another')
    expect(again.data).toEqual({ bridge: 'counters', paused: false, reason: 'a drill' })
    expect(again.stderr).toContain('it was paused before: a drill')
    const resume = ['bridge', 'resume', 'counters', ...reason]
    expect((await json(...resume)).data).toEqual({ bridge: 'counters', resumed: true })
    expect((await server.through(resume)).stderr).toContain('neither paused nor halted')
  })

  it('consumers are shown, moved and redriven', async () => {
    const producer = createKafkaProducer({ brokers: [brokers!] })
    await producer.createTopic(`${topic}-dlt`, { partitions: 1, replicationFactor: 1 })
    const letter = {
      'kafka_dlt-original-topic': topic,
      'kafka_dlt-original-partition': Buffer.alloc(4),
      'kafka_dlt-original-offset': Buffer.alloc(8),
      'kafka_dlt-original-consumer-group': topic,
    }
    const event = { ce_id: 'e-1', ce_source: 's', ce_type: 'Added', ce_subject: 'counter-1' }
    await producer.send([
      {
        ...{ topic: `${topic}-dlt`, partition: 0, key: 'counter-1', value: Buffer.from('{"amount":1}') },
        headers: { ...event, ...letter },
      },
    ])
    await producer.disconnect()
    expect(await alike('consumers', 'list', '--max-lag', '4')).toMatchObject({
      ...{ code: 3, data: [{ name: 'counter-notes', group: topic, partitions: 1, lag: '5' }] },
    })
    expect(await alike('consumers', 'lag', 'counter-notes')).toMatchObject({ data: [{ topic, end: '5', lag: '5' }] })

    const reset = ['consumers', 'reset', 'counter-notes', ...reason, '--to']
    const unasked = await server.through([...reset, 'latest'])
    expect(unasked).toMatchObject({ code: 5, stdout: '' })
    expect(unasked.stderr).toContain(`Move group "${topic}" in 1 partitions?`)
    expect(await json(...reset, '3', '--yes')).toMatchObject({ code: 0, data: [{ topic, partition: 0, after: '3' }] })
    const earlier = await json(...reset, '2020-01-01', '--forget-inbox', '--yes')
    expect(earlier).toMatchObject({ code: 0, stderr: '', data: [{ topic, before: '3', after: '0' }] })
    const beyond = await server.through([...reset, '99', '--yes'])
    expect(beyond).toMatchObject({ code: 2, stderr: expect.stringContaining('not 99') })

    const redrive = ['consumers', 'redrive', 'counter-notes', ...reason]
    expect((await server.through(redrive)).stderr).toContain(`back to ${topic}?`)
    expect((await json(...redrive, '--dry-run')).data).toMatchObject({ consumer: 'counter-notes', letters: '1' })
    expect((await json(...redrive, '--yes')).data).toEqual({ consumer: 'counter-notes', redriven: 1, left: 0 })
    expect((await json('consumers', 'list')).data).toMatchObject([{ lag: '6' }])
  })

  it('the database is shown, and gets a new epoch', async () => {
    const status = await alike('db', 'status')
    const { epoch } = (status as { data: { epoch: string } }).data
    expect(status).toMatchObject({ code: 0, data: { schema: 'tidemark', state: 'current' } })
    const begin = ['db', 'new-epoch', ...reason]
    expect(await server.through(begin)).toMatchObject({ code: 5, stdout: '' })
    expect((await server.through([...begin, '--rewind-to', 'here', '--yes'])).code).toBe(2)
    const planned = await json(...begin, '--dry-run')
    expect(planned).toMatchObject({
      code: 0,
      data: { refusesTokensOf: epoch, keeps: ['bridge:counters'], rewinds: [] },
    })
    const begun = await json(...begin, '--yes')
    expect(begun).toMatchObject({ code: 0, data: { kept: ['bridge:counters'], rewound: [] } })
    expect(begun.data['epoch']).not.toBe(epoch)
    expect((await json('db', 'status')).data['epoch']).toBe(begun.data['epoch'])
  })
})
