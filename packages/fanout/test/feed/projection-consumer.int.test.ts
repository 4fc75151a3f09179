import {
  createProjector,
  consumerFed,
  defineProjection,
  rebuildProjection,
  verifyProjection,
} from '@tidemark/projections'
import type { Pool } from 'pg'
import { afterEach, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import {
  createBridge,
  createProjectionConsumer,
  defineBridge,
  replayToTopic,
  type BridgeDefinition,
  type ProjectionConsumer,
  type ProjectionConsumerOptions,
} from '../../src/index.js'
import { FeedTransactions } from '../../src/feed/feed-transactions.js'
import type { ConsumedRecord } from '../../src/index.js'
import { ownProducer, useConsumerKit } from '../consumer/consumer-kit.js'
import { Order, orderIds } from '../order.js'
import { until } from '../until.js'
import { orderTrails, pay, trailsOfLog, trailsOfReadModel } from './order-trails.js'

describe.skipIf(!inject('kafkaBrokers'))('a read model that a consumer group feeds', () => {
  const kit = useConsumerKit()
  const kafka = { brokers: [kit.brokers] }
  const stops: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop()
    // Each test takes the read model over anew, at the head of the same log.
    const { rows } = await kit.pool.query<{ table_name: string }>('select table_name from tidemark.projections')
    await kit.pool.query('drop view if exists tidemark_read.order_trails')
    for (const { table_name: table } of rows) await kit.pool.query(`drop table tidemark_read.${table}`)
    await kit.pool.query('truncate tidemark.projections, tidemark.consumer_offsets, tidemark.inbox_streams')
    await kit.pool.query(`delete from tidemark.checkpoints where name like 'projection:%'`)
  })

  /** A bridge of the orders to a topic of its own. */
  async function publish(partitions = 3, options: Partial<Parameters<typeof defineBridge>[0]> = {}) {
    const topic = await kit.topic(partitions)
    const definition = defineBridge({ name: topic, from: [Order], topic, ...options })
    const producer = ownProducer(kit.brokers)
    stops.push(() => producer.disconnect())
    const bridge = createBridge(kit.store, definition, { producer })
    await bridge.start()
    stops.push(() => bridge.stop())
    return { topic, definition, producer, bridge }
  }

  async function feed(topic: string, options: Partial<ProjectionConsumerOptions> = {}): Promise<ProjectionConsumer> {
    const all = { kafka, group: topic, topics: [topic], sessionTimeoutMs: 6000, ...options }
    const consumer = createProjectionConsumer(consumerFed(kit.store, orderTrails), all)
    stops.push(() => consumer.stop())
    await consumer.start()
    return consumer
  }

  async function level(pool: Pool = kit.pool): Promise<void> {
    const wanted = JSON.stringify(await trailsOfLog(pool))
    await until(
      async () => JSON.stringify(await trailsOfReadModel(pool)),
      (rows) => rows === wanted,
    )
  }

  async function bridged(definition: BridgeDefinition): Promise<void> {
    const { position } = await kit.store.head()
    await until(
      async () => {
        const { rows } = await kit.pool.query<{ position: string }>(
          'select position from tidemark.checkpoints where name = $1',
          [`bridge:${definition.name}`],
        )
        return BigInt(rows[0]?.position ?? 0)
      },
      (at) => at >= position,
    )
  }

  test('has each event once, although the bridge publishes all of them again', async () => {
    const { topic, definition, producer } = await publish()
    await pay(kit.store, orderIds('once', 5), 2)
    const consumer = await feed(topic)
    await pay(kit.store, orderIds('once', 10), 10)
    await level()
    const applied = 100
    // Rows are seen as soon as they are committed, and counted a moment after that.
    await until(
      async () => consumer.status(),
      (seen) => seen.applied === applied,
    )
    await bridged(definition)
    const { published } = await replayToTopic(kit.store, definition, { producer, from: 1n })
    await until(
      async () => consumer.status(),
      (seen) => seen.duplicates >= published,
    )
    expect(consumer.status()).toMatchObject({ applied, state: 'running', halted: [] })
    await level()
  })

  test('is taken over from its projector, without the records that the topic no longer has', async () => {
    const { topic, definition } = await publish(2)
    await pay(kit.store, orderIds('over', 6), 3)
    const projector = createProjector(kit.store, [orderTrails])
    await projector.start()
    stops.push(() => projector.stop())
    await level()
    await expect(feed(topic)).rejects.toMatchObject({ code: 'PROJECTIONS_FOLLOWED', retryable: true })
    await projector.stop()
    await pay(kit.store, orderIds('over', 7))
    await bridged(definition)
    await deleteRecords(topic)
    const consumer = await feed(topic)
    // From the hand-over on, what was there before counts: the next versions are no gaps.
    await pay(kit.store, orderIds('over', 8), 2)
    await level()
    await expect.poll(() => consumer.status(), { timeout: 10_000 }).toMatchObject({ applied: 16, halted: [] })

    // It has one feeder.
    const again = createProjector(kit.store, [orderTrails])
    await again.start()
    stops.push(() => again.stop())
    await pay(kit.store, orderIds('over', 8), 5)
    await level()
    expect(await again.status()).toMatchObject([{ state: 'running', owner: `consumer group ${topic}`, lag: 0n }])
    const { position } = await kit.store.head()
    expect(await again.waitFor('order-trails', position, { timeoutMs: 20_000 })).toBe('fed')
    await expect(feed(topic, { group: 'other' })).rejects.toMatchObject({ code: 'PROJECTIONS_FED', group: topic })
    await expect(verifyProjection(kit.store, orderTrails)).rejects.toMatchObject({ code: 'PROJECTIONS_FED' })
  })

  test('reads on from its rows, wherever its group was moved', async () => {
    // Without every version there is no gap to be found, so the offset alone tells what was left out.
    const { topic, definition } = await publish(3, { types: ['OrderPaid'] })
    const first = await feed(topic, { gaps: 'accept' })
    await pay(kit.store, orderIds('moved', 9), 2)
    await level()
    await first.stop()
    await pay(kit.store, orderIds('moved', 9), 3)
    await bridged(definition)
    const admin = kit.kafka.admin()
    await admin.connect()
    await admin.resetOffsets({ groupId: topic, topic, earliest: false })
    const second = await feed(topic, { gaps: 'accept' })
    await level()
    await expect.poll(() => second.status(), { timeout: 10_000 }).toMatchObject({ applied: 27, duplicates: 0 })
    await second.stop()
    await admin.resetOffsets({ groupId: topic, topic, earliest: true })
    await admin.disconnect()
    const third = await feed(topic, { gaps: 'accept' })
    await pay(kit.store, orderIds('moved', 9))
    await level()
    await expect.poll(() => third.status(), { timeout: 10_000 }).toMatchObject({ applied: 9, duplicates: 0 })
  })

  test('refuses a member that is elsewhere in a partition than its rows', async () => {
    const { topic } = await publish(1)
    const readModel = consumerFed(kit.store, orderTrails)
    const table = await readModel.attach({
      feeder: topic,
      begin: async () => async (transaction, id) => {
        await transaction.query('insert into tidemark.consumer_offsets values ($1, $2, 0, 5)', [id, topic])
      },
    })
    const before = await trailsOfReadModel(kit.pool)
    // An order that is new, so its versions tell nothing.
    const late = { topic, partition: 0, from: 7n, to: 8n, records: [recordAt(topic, 7n, table.position + 1n)] }
    const transactions = new FeedTransactions(readModel, table, 'stop')
    await expect(transactions.feed(late)).rejects.toMatchObject({ stored: 5n })
    expect(await trailsOfReadModel(kit.pool)).toEqual(before)
    const { rows } = await kit.pool.query('select next_offset from tidemark.consumer_offsets')
    expect(rows).toEqual([{ next_offset: '5' }])
    expect(await transactions.feed({ ...late, from: 5n })).toEqual({ applied: 1, duplicates: 0, passed: 0 })
    // It woke after somebody else had done its work.
    await expect(transactions.feed({ ...late, from: 5n })).rejects.toMatchObject({ stored: 8n })
  })

  test('halts before a gap in a stream, and where records that it needs are gone', async () => {
    const { topic, bridge, definition } = await publish(1)
    const consumer = await feed(topic)
    await pay(kit.store, ['gap'])
    await level()
    await bridged(definition)
    await bridge.stop()
    const { position } = await kit.store.head()
    const missing = recordAt(topic, 0n, position + 1n, 'gap', 3)
    await kit.send(topic, [
      { key: 'order-gap', value: missing.value, headers: missing.headers as Record<string, Buffer> },
    ])
    const failed = await until(
      async () => consumer.status(),
      ({ state }) => state === 'failed',
    )
    expect(failed.halted).toMatchObject([
      { partition: `${topic}/0`, error: { code: 'FANOUT_STREAM_GAP', handled: 1n } },
    ])
    await level()
    await consumer.stop()
    const offsets = await kit.pool.query<{ next: string }>('select next_offset as next from tidemark.consumer_offsets')
    const needed = BigInt(offsets.rows[0]!.next)
    await deleteRecords(topic)
    const next = recordAt(topic, 0n, position + 2n, 'gone')
    await kit.send(topic, [{ key: 'order-gone', value: next.value, headers: next.headers as Record<string, Buffer> }])
    const after = await feed(topic)
    const gone = await until(
      async () => after.status(),
      ({ state }) => state === 'failed',
    )
    expect(gone.halted).toMatchObject([{ error: { code: 'FANOUT_RECORDS_GONE', needed } }])
    await level()
  })

  test('is handed back by a rebuild, and taken over again by its consumers', async () => {
    const { topic } = await publish(2)
    const consumer = await feed(topic)
    await pay(kit.store, orderIds('back', 5), 2)
    await level()
    const { table } = await rebuildProjection(kit.store, orderTrails)
    await pay(kit.store, orderIds('back', 6), 3)
    await level()
    // The rows are there some moments before the hand-over is.
    const query = 'select fed_by from tidemark.projections where table_name = $1'
    const feeder = async () => (await kit.pool.query<{ fed_by: string | null }>(query, [table])).rows[0]?.fed_by
    await until(feeder, (group) => group === topic)
    await pay(kit.store, orderIds('back', 6))
    await level()
    expect(consumer.status()).toMatchObject({ state: 'running', halted: [] })
  })

  test('is keyed by its stream, or refused', () => {
    const definition = {
      name: 'refused',
      version: 1,
      schema: z.object({ id: z.string() }),
      key: 'id',
      on: [Order, { OrderPlaced: () => null }],
    } as const
    const byTotal = defineProjection({ ...definition, keyOf: ({ data }) => String(data.total) })
    const parking = defineProjection({ ...definition, poison: { policy: 'park' } })
    for (const projection of [byTotal, parking])
      expect(() => consumerFed(kit.store, projection)).toThrow(
        expect.objectContaining({ code: 'PROJECTIONS_DEFINITION' }),
      )
    const readModel = consumerFed(kit.store, orderTrails)
    const options = { kafka: { brokers: ['127.0.0.1:1'] }, group: 'g', topics: ['t'] }
    for (const wrong of [{ group: '' }, { topics: [] }, { batchSize: 0 }])
      expect(() => createProjectionConsumer(readModel, { ...options, ...wrong })).toThrow(
        expect.objectContaining({ code: 'FANOUT_CONSUMER_CONFIGURATION' }),
      )
  })

  /** As retention does. */
  async function deleteRecords(topic: string): Promise<void> {
    const admin = kit.kafka.admin()
    await admin.connect()
    const ends = await admin.fetchTopicOffsets(topic)
    const partitions = ends.map(({ partition, high }) => ({ partition, offset: high }))
    await admin.deleteTopicRecords({ topic, partitions })
    await admin.disconnect()
  }

  function recordAt(
    topic: string,
    offset: bigint,
    position: bigint,
    id = `at-${position}`,
    version = 1,
  ): ConsumedRecord {
    const text = { id: crypto.randomUUID(), source: '/tidemark/order', type: 'OrderPaid', subject: `order-${id}` }
    const numbers = { streamversion: version, globalposition: position, schemaversion: 1 }
    const attributes = { specversion: '1.0', time: new Date().toISOString(), ...text, ...numbers }
    return {
      ...{ topic, partition: 0, offset, timestamp: Date.now(), timestampType: 'CreateTime' },
      key: Buffer.from(text.subject),
      value: Buffer.from('{"amount":1}'),
      headers: Object.fromEntries(
        Object.entries(attributes).map(([name, value]) => [`ce_${name}`, Buffer.from(String(value))]),
      ),
    }
  }
})
