import { inject, describe, expect, it, beforeAll, afterAll } from 'vitest'
import { createKafkaProducer, partitionFor, type KafkaProducerPort } from '@tidemark/fanout'
import { useCounterDatabase } from './counter-store.js'
import { runCli } from './run-cli.js'

const brokers = inject('kafkaBrokers')

describe.skipIf(!brokers)('tidemark consumers', () => {
  const database = useCounterDatabase(0)
  const topic = `cli-consumers-${process.pid}-${Date.now()}`
  let producer: KafkaProducerPort
  const send = (to: string, headers: Readonly<Record<string, string | Buffer>> = {}) =>
    producer.send([
      {
        topic: to,
        partition: partitionFor('counter-1', 2),
        key: 'counter-1',
        value: Buffer.from('{"amount":1}'),
        headers: { ce_id: 'e-1', ce_source: 's', ce_type: 'Added', ce_subject: 'counter-1', ...headers },
      },
    ])
  beforeAll(async () => {
    producer = createKafkaProducer({ brokers: [brokers!] })
    for (const name of [topic, `${topic}-dlt`]) {
      await producer.createTopic(name, { partitions: 2, replicationFactor: 1 })
    }
    for (let index = 0; index < 3; index++) await send(topic)
  })
  afterAll(() => producer.disconnect())

  const run = (...args: string[]) =>
    runCli(args, { env: { DATABASE_URL: database.url, KAFKA_BROKERS: brokers!, TEST_TOPIC: topic } })
  const json = async (...args: string[]) => {
    const { code, stdout } = await run(...args, '-o', 'json')
    return { code, ...JSON.parse(stdout) }
  }

  it('lists how far each is, and ends with 3 when one is too far behind', async () => {
    const { code, data } = await json('consumers', 'list', '--max-lag', '2')
    expect(code).toBe(3)
    expect(data).toMatchObject([
      { name: 'counter-notes', group: topic, state: 'Dead', members: 0, partitions: 2, lag: '3' },
    ])
    const shown = await run('consumers', 'list', '--max-lag', '3')
    expect(shown.code).toBe(0)
    expect(shown.stdout).toMatch(/name +group +state +members +partitions +lag +seconds/)
  })

  it('shows the lag of each partition', async () => {
    const { code, data } = await json('consumers', 'lag', 'counter-notes')
    expect(code).toBe(0)
    const partition = partitionFor('counter-1', 2)
    expect(data[partition]).toMatchObject({ topic, partition, end: '3', lag: '3' })
    expect(data[partition].lagMs).toBeGreaterThan(0)
    expect(data[1 - partition]).toMatchObject({ end: '0', lag: '0', lagMs: 0 })
  })

  it('moves a group, but asks before', async () => {
    const unasked = await run('consumers', 'reset', 'counter-notes', '--to', 'latest')
    expect(unasked).toMatchObject({ code: 5, stdout: '' })
    expect(unasked.stderr).toContain(`Move group "${topic}" in 2 partitions?`)
    const partition = partitionFor('counter-1', 2)
    const moved = await json(
      'consumers',
      'reset',
      'counter-notes',
      '--to',
      '2',
      '--partition',
      String(partition),
      '--yes',
    )
    expect(moved).toMatchObject({ code: 0, data: [{ topic, partition, after: '2' }] })
    const earlier = await json('consumers', 'reset', 'counter-notes', '--to', '2020-01-01', '--forget-inbox', '--yes')
    expect(earlier.code).toBe(0)
    expect(earlier.data[partition]).toMatchObject({ before: '2', after: '0' })
    const beyond = await run('consumers', 'reset', 'counter-notes', '--to', '99', '--yes')
    expect(beyond).toMatchObject({ code: 2 })
    expect(beyond.stderr).toContain('not 99')
    const nowhere = await run('consumers', 'reset', 'counter-notes', '--to', 'yesterday', '--yes')
    expect(nowhere).toMatchObject({ code: 2 })
    expect(nowhere.stderr).toContain('earliest, latest, an offset, or a time')
  })

  it('sends dead letters back, each once', async () => {
    const partition = Buffer.alloc(4)
    partition.writeInt32BE(partitionFor('counter-1', 2))
    await send(`${topic}-dlt`, {
      'kafka_dlt-original-topic': topic,
      'kafka_dlt-original-partition': partition,
      'kafka_dlt-original-offset': Buffer.alloc(8),
      'kafka_dlt-original-consumer-group': topic,
    })
    await send(`${topic}-dlt`, { 'kafka_dlt-original-consumer-group': 'another' })
    expect(await json('consumers', 'redrive', 'counter-notes', '--yes')).toMatchObject({
      code: 0,
      data: { consumer: 'counter-notes', redriven: 1, left: 1 },
    })
    expect(await json('consumers', 'redrive', 'counter-notes', '--yes')).toMatchObject({
      data: { redriven: 0, left: 0 },
    })
    const { data } = await json('consumers', 'list')
    expect(data).toMatchObject([{ lag: '4' }])
  })

  it('says what is missing', async () => {
    const nobody = await run('consumers', 'lag', 'counter-note')
    expect(nobody).toMatchObject({ code: 2 })
    expect(nobody.stderr).toContain('did you mean "counter-notes"?')
    const nowhere = await runCli(['consumers', 'list'], { env: { DATABASE_URL: database.url } })
    expect(nowhere).toMatchObject({ code: 2 })
    expect(nowhere.stderr).toContain('set KAFKA_BROKERS')
  })
})
