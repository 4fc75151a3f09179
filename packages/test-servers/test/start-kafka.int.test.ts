import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterAll, describe, expect, inject, test } from 'vitest'
import { runKafkaTool, startLocalKafka, type KafkaServer } from '../src/index.js'

const topics = 'org.apache.kafka.tools.TopicCommand'
const producer = 'org.apache.kafka.tools.ConsoleProducer'
const consumer = 'org.apache.kafka.tools.consumer.ConsoleConsumer'

const printed = ['headers', 'key', 'partition'].flatMap((part) => ['--property', `print.${part}=true`])
const parsed = ['headers', 'key'].flatMap((part) => ['--property', `parse.${part}=true`])
const fromStart = (topic: string, count: number) => [
  '--topic',
  topic,
  '--from-beginning',
  '--max-messages',
  String(count),
  '--timeout-ms',
  '30000',
]

describe.skipIf(!inject('kafkaBrokers'))('the broker of the run', () => {
  test('takes and gives records with headers and keys, by the tools of Kafka itself', async () => {
    const brokers = inject('kafkaBrokers')!
    const topic = `round-trip-${Date.now()}`
    await runKafkaTool(brokers, topics, ['--create', '--topic', topic, '--partitions', '3'])
    const stdin = 'ce_id:e-1\to-42\tplaced\nce_id:e-2\to-42\tshipped\n'
    await runKafkaTool(brokers, producer, ['--topic', topic, ...parsed], { stdin })
    const { stdout } = await runKafkaTool(brokers, consumer, [...fromStart(topic, 2), ...printed])
    const lines = stdout.trim().split('\n')
    expect(lines).toHaveLength(2)
    expect(lines[0]).toMatch(/^Partition:\d\tce_id:e-1\to-42\tplaced$/)
    expect(lines[1]).toMatch(/^Partition:\d\tce_id:e-2\to-42\tshipped$/)
  })

  test('does not create a topic because somebody asks for it', async () => {
    const { stdout } = await runKafkaTool(inject('kafkaBrokers')!, topics, ['--list'])
    expect(stdout.split('\n')).not.toContain('never-created')
    const describing = runKafkaTool(inject('kafkaBrokers')!, topics, ['--describe', '--topic', 'never-created'])
    await expect(describing).rejects.toMatchObject({ code: 'TEST_SERVERS_COMMAND_FAILED' })
  })
})

describe.skipIf(!inject('kafkaBrokers'))('a cluster of three brokers', () => {
  let kafka: KafkaServer | undefined
  afterAll(() => kafka?.close())

  test('a record outlives the SIGKILL of a broker, which can be started again', async () => {
    kafka = await startLocalKafka({ brokers: 3 })
    const [first] = kafka.brokers
    await kafka.runTool(topics, ['--create', '--topic', 'kept', '--partitions', '3'])
    const acks = ['--producer-property', 'acks=all']
    await kafka.runTool(producer, ['--topic', 'kept', ...acks], { stdin: 'before\n' })
    await first!.kill('SIGKILL')
    expect(first!.pid).toBeUndefined()
    await kafka.runTool(producer, ['--topic', 'kept', ...acks], { stdin: 'meanwhile\n' })
    await first!.start()
    expect(first!.pid).toBeGreaterThan(0)
    const { stdout } = await kafka.runTool(consumer, fromStart('kept', 2))
    expect(stdout.trim().split('\n').sort()).toEqual(['before', 'meanwhile'])
    await kafka.close()
    expect(existsSync(dirname(first!.logFile))).toBe(false)
  }, 120_000)
})
