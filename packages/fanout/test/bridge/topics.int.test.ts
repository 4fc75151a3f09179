import { runKafkaTool } from '@tidemark/test-servers'
import kafkajs from 'kafkajs'
import { describe, expect, inject, test } from 'vitest'
import {
  createKafkaAdmin,
  defineBridge,
  drainBridge,
  listBridges,
  operableBridge,
  pauseBridge,
  resumeBridge,
} from '../../src/index.js'
import { appendOrders, orderIds } from '../order.js'
import { readLog } from '../read-topic.js'
import { until } from '../until.js'
import { uniqueTopic, useBridges } from '../use-bridges.js'

describe.skipIf(!inject('kafkaBrokers'))('the topics of a bridge', () => {
  const bridges = useBridges()
  const { brokers, newProducer, startBridge, caughtUp } = bridges
  const topicCommand = (...args: string[]) => runKafkaTool(brokers, 'org.apache.kafka.tools.TopicCommand', args)

  test('are created as the definition says', async () => {
    const topic = uniqueTopic()
    await startBridge(
      {
        name: 'created',
        topic,
        createTopics: {
          partitions: 3,
          replicationFactor: 1,
          retentionMs: 86_400_000,
          retentionBytes: 1_000_000_000,
          compression: 'gzip',
          minInsyncReplicas: 1,
        },
      },
      { createTopics: undefined as never },
    )
    const { stdout } = await topicCommand('--describe', '--topic', topic)
    expect(stdout).toContain('PartitionCount: 3')
    for (const config of [
      'cleanup.policy=delete',
      'retention.ms=86400000',
      'retention.bytes=1000000000',
      'compression.type=gzip',
      'min.insync.replicas=1',
    ])
      expect(stdout).toContain(config)
    // What the broker compresses is read back all the same.
    await appendOrders(bridges.store, ['created'])
    await until(
      () => listBridges(bridges.store, [defineBridge({ name: 'created' })]),
      ([status]) => status!.lag === 0n,
    )
    const tails = await newProducer().readTail!(topic, [0, 1, 2], 10)
    expect(tails).toHaveLength((await readLog(bridges.store)).length)
  })

  test.each(['compact', 'compact,delete'])('are refused with cleanup.policy=%s', async (policy) => {
    const topic = uniqueTopic()
    await topicCommand('--create', '--topic', topic, '--partitions', '1', '--config', `cleanup.policy=${policy}`)
    const producer = newProducer()
    const starting = startBridge({ name: 'compacted', topic }, { producer })
    await expect(starting).rejects.toMatchObject({ code: 'FANOUT_TOPIC_COMPACTED', topic })
  })

  test('get more partitions between two runs of a bridge that halted, once somebody resumes it', async () => {
    const topic = uniqueTopic()
    const bridge = await startBridge({ name: 'grown', topic }, { partitionCheckIntervalMs: 0 })
    await caughtUp(bridge)
    await topicCommand('--alter', '--topic', topic, '--partitions', '6')
    await appendOrders(bridges.store, ['grown-1'])
    const [halted] = await until(
      () => listBridges(bridges.store, [defineBridge({ name: 'grown' })]),
      ([stored]) => stored!.state === 'failed',
    )
    expect(halted!.error).toContain('had 4 partitions when the bridge started and has 6 now')
    expect(await resumeBridge(bridges.store, 'grown')).toBe(true)
    await caughtUp(bridge)
    expect((await bridge.status()).error).toBeUndefined()
  })

  test('are drained: everything is published, and read by the groups that are named', async () => {
    const topic = uniqueTopic()
    const definition = defineBridge({ name: 'drained', topic, createTopics: bridges.createTopics })
    await appendOrders(bridges.store, orderIds('drained', 30))
    const admin = createKafkaAdmin({ brokers: [brokers] })
    const group = `${topic}-group`
    // Nobody runs the bridge, and nobody reads.
    const alone = drainBridge(bridges.store, definition, {
      producer: newProducer(),
      admin,
      groups: [group],
      timeoutMs: 8000,
    })
    const events = await readLog(bridges.store)
    await expect(alone).rejects.toMatchObject({
      code: 'FANOUT_DRAIN_INCOMPLETE',
      message: expect.stringContaining(`group "${group}" has ${events.length} records of topic "${topic}" before it`),
    })
    expect((await listBridges(bridges.store, [definition]))[0]).toMatchObject({ lag: 0n, state: 'stopped' })

    const consumer = new kafkajs.Kafka({ brokers: [brokers], logLevel: kafkajs.logLevel.NOTHING }).consumer({
      groupId: group,
    })
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({ eachMessage: () => Promise.resolve() })
    const seen: unknown[] = []
    const operable = operableBridge(bridges.store, definition, {
      producer: newProducer,
      admin: () => createKafkaAdmin({ brokers: [brokers] }),
    })
    const onProgress = (progress: object) => seen.push(progress)
    const drained = await operable.drain!({ groups: [group], onProgress })
    expect(drained).toEqual({ position: events.at(-1)!.position, parkedEvents: 0, topics: [topic] })
    const { position } = drained
    expect(seen).toEqual([{ done: position, total: position }])
    await consumer.disconnect()

    await pauseBridge(bridges.store, 'drained', 'maintenance')
    await appendOrders(bridges.store, ['drained-later'])
    const paused = drainBridge(bridges.store, definition, { producer: newProducer(), admin, groups: [] })
    await expect(paused).rejects.toThrow('paused: maintenance, resume it first')
    await admin.disconnect()
    const unknown = defineBridge({ name: 'unknown', topic: () => topic })
    const nameless = drainBridge(bridges.store, unknown, { producer: newProducer(), admin, groups: [] })
    await expect(nameless).rejects.toThrow('name the topics that are to be drained')
  })
})
