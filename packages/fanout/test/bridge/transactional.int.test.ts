import type { RecordedEvent } from '@tidemark/eventstore'
import { runKafkaTool } from '@tidemark/test-servers'
import { describe, expect, inject, test } from 'vitest'
import {
  checkPublished,
  createBridge,
  defineBridge,
  listParkedRecords,
  TransactionsUnsupportedError,
  type BridgeOptions,
  type RawKafkaRecord,
} from '../../src/index.js'
import { appendOrders, Order, orderIds } from '../order.js'
import { readLog, readTopic } from '../read-topic.js'
import { uniqueTopic, useBridges } from '../use-bridges.js'

const clean = { missing: [], foreign: [], outOfOrder: [], duplicates: 0 }
const placed = (note?: string) => ({
  type: 'OrderPlaced' as const,
  data: { total: 1, ...(note === undefined ? {} : { note }) },
})

describe.skipIf(!inject('kafkaBrokers'))('a transactional bridge', () => {
  const bridges = useBridges()
  const { brokers, newProducer, startBridge, caughtUp } = bridges
  const options = { producer: newProducer, batchSize: 50 }

  const onlyOrders = (prefix: string) => (event: RecordedEvent) => event.aggregateId.startsWith(`${prefix}-`)
  const logOf = async (prefix: string) => (await readLog(bridges.store)).filter(onlyOrders(prefix))
  const definitionOf = (name: string, more: Omit<Partial<BridgeOptions>, 'topic'> = {}) => {
    const topic = uniqueTopic()
    return { name, topic, where: onlyOrders(name), transactional: { progressTopic: `${topic}.progress` }, ...more }
  }
  const published = async ({ name, topic }: { readonly name: string; readonly topic: string }, committed = true) =>
    checkPublished(await readTopic(brokers, topic, { idleMs: 5000, committed }), await logOf(name))
  const setBack = (checkpoint: string) =>
    bridges.database.pool.query(
      'update tidemark.checkpoints set position = 0, event_id = null, epoch = null where name = $1',
      [checkpoint],
    )

  test.each([1, 3])('commits each event once, in order, with %i lanes', async (lanes) => {
    const definition = definitionOf(`once-${lanes}`, { lanes })
    await appendOrders(bridges.store, orderIds(definition.name, 100))
    const bridge = await startBridge(definition, options)
    expect(await caughtUp(bridge)).toMatchObject({ published: 300, error: undefined })
    await appendOrders(bridges.store, orderIds(`${definition.name}-later`, 10))
    await caughtUp(bridge)
    expect(await published(definition)).toEqual(clean)
  })

  test('knows by its progress in Kafka what the checkpoint in Postgres does not know', async () => {
    const definition = definitionOf('progress')
    await appendOrders(bridges.store, orderIds('progress', 50))
    const first = await startBridge(definition, options)
    await caughtUp(first)
    await first.stop()
    await setBack('bridge:progress')
    await appendOrders(bridges.store, orderIds('progress-later', 10))
    const second = await startBridge(definition, options)
    expect((await caughtUp(second)).published).toBe(30)
    expect(await published(definition, false)).toEqual(clean)
  })

  test('does not believe a progress that is of another log', async () => {
    const definition = definitionOf('foreign')
    const { progressTopic } = definition.transactional as { progressTopic: string }
    await appendOrders(bridges.store, orderIds('foreign', 5))
    const producer = newProducer()
    await producer.createTopic(progressTopic, { partitions: 1, replicationFactor: 1, cleanupPolicy: 'compact' })
    const place = { position: '1000000', eventId: '01a1fed4-fdeb-743f-a5d2-987cc6de93f0' }
    const value = Buffer.from(JSON.stringify(place))
    await producer.send([{ topic: progressTopic, partition: 0, key: 'x', value, headers: {} }])
    const bridge = await startBridge(definition, options)
    expect((await caughtUp(bridge)).published).toBe(15)
  })

  test('parks what only the broker finds too large, and shows nothing of what it aborted', async () => {
    const definition = definitionOf('large')
    const create = ['--create', '--topic', definition.topic, '--partitions', '1', '--config', 'max.message.bytes=20000']
    await runKafkaTool(brokers, 'org.apache.kafka.tools.TopicCommand', create)
    const append = (id: string, events: ReturnType<typeof placed>[]) =>
      bridges.store.append(Order, id, events, { expectedVersion: 'any' })
    await append('large-1', [placed(), placed('l'.repeat(25_000)), placed('behind')])
    await append(
      'large-2',
      Array.from({ length: 20 }, () => placed('s'.repeat(3000))),
    )
    const bridge = await startBridge(definition, options)
    await caughtUp(bridge)
    expect((await listParkedRecords(bridges.store, { bridge: 'large' })).map(({ status }) => status)).toEqual([
      'failed',
      'blocked',
    ])
    const events = (await logOf('large')).filter(({ streamId, version }) => streamId.endsWith('2') || version < 2n)
    const records = await readTopic(brokers, definition.topic, { count: 21, committed: true })
    expect(checkPublished(records, events)).toEqual(clean)
  })

  test('needs a client with transactions, a compacted topic of its own, and the number of lanes that it had', async () => {
    const definition = definitionOf('needs', { lanes: 2 })
    const { progressTopic } = definition.transactional as { progressTopic: string }
    const plain = new Proxy(newProducer(), {
      get: (port, name) => (name === 'openTransactions' ? undefined : (Reflect.get(port, name) as unknown)),
    })
    expect(() => createBridge(bridges.store, defineBridge(definition), { producer: () => plain })).toThrow(
      TransactionsUnsupportedError,
    )
    const producer = newProducer()
    await producer.createTopic(progressTopic, { partitions: 1, replicationFactor: 1 })
    await expect(startBridge(definition, options)).rejects.toThrow('has 1 partitions')
    await expect(startBridge({ ...definition, lanes: 1 }, options)).rejects.toThrow('cleanup.policy=delete')
    const other = { ...definition, transactional: { progressTopic: `${progressTopic}-2` } }
    const bridge = await startBridge(other, options)
    await caughtUp(bridge)
    await bridge.stop()
    await expect(startBridge({ ...other, lanes: 1 }, options)).rejects.toThrow('it keeps its number of lanes')
  })
})

describe.skipIf(!inject('kafkaBrokers'))('the transactions of kafkajs', () => {
  const { newProducer, createTopics } = useBridges()

  test('are taken over: who had the id commits no more', async () => {
    const topic = uniqueTopic()
    const producer = newProducer()
    await producer.createTopic(topic, createTopics)
    const record = (value: string): RawKafkaRecord => ({
      ...{ topic, partition: 1, key: 'key', headers: {}, value: Buffer.from(value) },
    })
    const last = async () => (await producer.readLastCommitted!(topic, 1))?.toString()
    expect(await last()).toBeUndefined()
    const first = await producer.openTransactions!(`${topic}.id`)
    for (let index = 1; index <= 5; index++) await first.commit([record(`committed ${index}`)])
    expect(await last()).toBe('committed 5')
    const second = await producer.openTransactions!(`${topic}.id`)
    await expect(first.commit([record('too late')])).rejects.toMatchObject({ code: 'FANOUT_KAFKA_REFUSED' })
    expect(await last()).toBe('committed 5')
    await second.commit([record('committed 6')])
    expect(await last()).toBe('committed 6')
    await second.close()
    await second.close()
    await expect(second.commit([record('closed')])).rejects.toMatchObject({ code: 'FANOUT_PRODUCER_CLOSED' })
  })
})
