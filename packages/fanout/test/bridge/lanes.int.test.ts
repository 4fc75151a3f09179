import type { RecordedEvent } from '@tidemark/eventstore'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, inject, test } from 'vitest'
import { laneOfKey } from '../../src/bridge/lane-names.js'
import {
  checkPublished,
  createKafkaAdmin,
  defineBridge,
  drainBridge,
  listBridges,
  listParkedRecords,
  pauseBridge,
  replayToTopic,
  resumeBridge,
  retryParkedRecords,
  type BridgeOptions,
  type KafkaProducerPort,
} from '../../src/index.js'
import { appendOrders, Order, orderIds } from '../order.js'
import { readLog, readTopic } from '../read-topic.js'
import { until } from '../until.js'
import { uniqueTopic, useBridges } from '../use-bridges.js'

const clean = { missing: [], foreign: [], outOfOrder: [], duplicates: 0 }
const leaseMs = 1500
const placed = (note?: string) => ({
  type: 'OrderPlaced' as const,
  data: { total: 1, ...(note === undefined ? {} : { note }) },
})

describe.skipIf(!inject('kafkaBrokers'))('a bridge with lanes', () => {
  const bridges = useBridges()
  const { brokers, newProducer, startBridge, caughtUp } = bridges
  const options = { producer: newProducer, leaseMs }

  /** A bridge for the orders of one test only, so that tests do not see each other's events. */
  const onlyOrders = (prefix: string) => (event: RecordedEvent) => event.aggregateId.startsWith(`${prefix}-`)
  const logOf = async (prefix: string) => (await readLog(bridges.store)).filter(onlyOrders(prefix))
  const definitionOf = (name: string, more: Omit<Partial<BridgeOptions>, 'topic'> = {}) => ({
    ...{ name, topic: uniqueTopic(), where: onlyOrders(name), lanes: 4 },
    ...more,
  })
  const append = (id: string, events: ReturnType<typeof placed>[]) =>
    bridges.store.append(Order, id, events, { expectedVersion: 'any' })
  const statusOf = async (name: string) => (await listBridges(bridges.store, [defineBridge({ name })]))[0]!
  const ownersOf = async (name: string) => (await statusOf(name)).lanes.map(({ owner }) => owner)
  const published = async ({ name, topic }: { readonly name: string; readonly topic: string }) =>
    checkPublished(await readTopic(brokers, topic, { idleMs: 5000 }), await logOf(name))
  /** Lets nobody have one lane until it is let go again. */
  const hold = (checkpoint: string, isHeld = true) =>
    bridges.database.pool.query(
      `update tidemark.checkpoints set paused_at = case when $2 then now() end, owner = null, lease_until = null, owner_epoch = owner_epoch + 1 where name = $1`,
      [checkpoint, isHeld],
    )
  /** Ids of orders whose keys are of one lane. */
  const idsOf = (name: string, lane: number, count: number, lanes = 4) =>
    orderIds(name, 1000)
      .filter((id) => laneOfKey(`order-${id}`, lanes) === lane)
      .slice(0, count)

  test('publishes everything in order, each partition by one producer', async () => {
    const definition = definitionOf('each')
    const partitionsOf: Set<number>[] = []
    const producer = (): KafkaProducerPort => {
      const inner = newProducer()
      const partitions = new Set<number>()
      partitionsOf.push(partitions)
      const send: KafkaProducerPort['send'] = (records, how) => {
        for (const { partition } of records) partitions.add(partition)
        return inner.send(records, how)
      }
      return new Proxy(inner, { get: (port, name) => (name === 'send' ? send : Reflect.get(port, name).bind(port)) })
    }
    await appendOrders(bridges.store, orderIds('each', 100))
    const bridge = await startBridge(definition, { producer })
    const status = await caughtUp(bridge)
    expect(partitionsOf.map((partitions) => [...partitions])).toEqual([[0], [1], [2], [3]])
    expect(status).toMatchObject({ published: 300, owner: status.lanes[0]!.owner })
    expect(status.lanes.map(({ lane, checkpoint, lag, state }) => [lane, checkpoint, lag, state])).toEqual(
      [0, 1, 2, 3].map((lane) => [lane, `bridge:each/${lane}-of-4`, 0n, 'running']),
    )
    expect(await published(definition)).toEqual(clean)
  })

  test('is shared by two, who hand lanes over and back while orders go on', async () => {
    const definition = definitionOf('shared')
    let isAppending = true
    const appending = (async () => {
      for (let round = 0; isAppending; round++) {
        await appendOrders(bridges.store, orderIds(`shared-${round}`, 5))
        await sleep(20)
      }
    })()
    const here = await startBridge(definition, { ...options, owner: 'here', batchSize: 10 })
    await until(
      () => ownersOf('shared'),
      (owners) => owners.every((owner) => owner === 'here'),
    )
    const there = await startBridge(definition, { ...options, owner: 'there', batchSize: 10 })
    const halves = (owners: readonly (string | undefined)[]) =>
      ['here', 'there'].every((name) => owners.filter((owner) => owner === name).length === 2)
    await until(() => ownersOf('shared'), halves)
    // It stays so.
    await sleep(2 * leaseMs)
    expect((await ownersOf('shared')).toSorted()).toEqual(['here', 'here', 'there', 'there'])
    await here.stop()
    await until(
      () => ownersOf('shared'),
      (owners) => owners.every((owner) => owner === 'there'),
    )
    const again = await startBridge(definition, { ...options, owner: 'here', batchSize: 10 })
    await until(() => ownersOf('shared'), halves)
    isAppending = false
    await appending
    await caughtUp(there)
    expect((await again.status()).published).toBeGreaterThan(0)
    expect(await published(definition)).toEqual(clean)
  })

  test('stands still as a whole, and goes on', async () => {
    const definition = definitionOf('paused')
    const bridge = await startBridge(definition, options)
    await caughtUp(bridge)
    expect(await pauseBridge(bridges.store, 'paused', 'a test')).toBe(true)
    expect(await pauseBridge(bridges.store, 'paused', 'again')).toBe(false)
    await appendOrders(bridges.store, orderIds('paused', 20))
    expect(await bridge.status()).toMatchObject({ state: 'paused', stall: { reason: 'paused', why: 'a test' } })
    expect((await statusOf('paused')).lanes.map(({ state }) => state)).toEqual(Array(4).fill('paused'))
    expect(await resumeBridge(bridges.store, 'paused')).toBe(true)
    await caughtUp(bridge)
    expect(await published(definition)).toEqual(clean)
  })

  test('parks a key in its lane; the others go on, and a retry frees it', async () => {
    const definition = definitionOf('parked')
    const bridge = await startBridge(definition, { ...options, maxMessageBytes: 5000 })
    const [id = ''] = idsOf('parked', 2, 1)
    await append(id, [placed(), placed('x'.repeat(6000)), placed()])
    await appendOrders(bridges.store, orderIds('parked-other', 20))
    expect(await caughtUp(bridge)).toMatchObject({ parkedKeys: 1, parkedEvents: 2, published: 61 })
    const retried = await retryParkedRecords(bridges.store, defineBridge(definition), { producer: newProducer() })
    expect(retried).toMatchObject([{ key: `order-${id}`, published: 2, waiting: 0 }])
    await append(id, [placed()])
    await caughtUp(bridge)
    expect(await published(definition)).toEqual(clean)
  })

  test('lets a stream wait in every lane for an event whose key cannot be made', async () => {
    const name = 'keyless'
    const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
    const working: BridgeOptions = definitionOf(name, {
      key: ({ version }) => keys[Number(version) % keys.length] ?? '',
    })
    expect(new Set(keys.map((key) => laneOfKey(key, 4))).size).toBe(4)
    const failing: BridgeOptions = {
      ...working,
      key: (event) => {
        if (event.version === 2n) throw new Error('no key')
        return working.key!(event)
      },
    }
    const bridge = await startBridge(failing, options)
    await append(
      'keyless-1',
      Array.from({ length: 10 }, () => placed()),
    )
    await caughtUp(bridge)
    const parked = await listParkedRecords(bridges.store, { bridge: name })
    expect(parked.map(({ version, status }) => [Number(version), status])).toEqual([
      [2, 'failed'],
      ...[3, 4, 5, 6, 7, 8, 9, 10].map((version) => [version, 'blocked']),
    ])
    const retried = await retryParkedRecords(bridges.store, defineBridge(working), { producer: newProducer() })
    expect(retried.reduce((sum, each) => sum + each.published, 0)).toBe(9)
    expect(await listParkedRecords(bridges.store, { bridge: name })).toEqual([])
    const events = await logOf(name)
    const records = await readTopic(brokers, working.topic as string, { count: events.length })
    expect(checkPublished(records, events, { keyOf: working.key! })).toEqual(clean)
  })

  test('halts one lane before what cannot be published, and no other', async () => {
    const definition = definitionOf('halting', { onUnpublishable: 'halt' })
    const [id = ''] = idsOf('halting', 1, 1)
    await append(id, [placed('x'.repeat(6000))])
    await append(idsOf('halting', 3, 1)[0]!, [placed(), placed()])
    const bridge = await startBridge(definition, { ...options, maxMessageBytes: 5000 })
    const { lanes } = await until(
      () => bridge.status(),
      ({ state, published: count }) => state === 'failed' && count === 2,
    )
    expect(lanes.filter(({ error }) => error !== undefined).map(({ lane }) => lane)).toEqual([1])
    // It is tried again, and halts again.
    expect(await resumeBridge(bridges.store, 'halting')).toBe(true)
    await until(
      () => statusOf('halting'),
      ({ error }) => error !== undefined,
    )
  })

  test('counts by its slowest lane: lag, replay, and what a retry leaves to a lane', async () => {
    const definition = definitionOf('slow')
    const bridge = await startBridge(definition, { ...options, maxMessageBytes: 5000 })
    await append(idsOf('slow', 1, 1)[0]!, [placed()])
    await caughtUp(bridge)
    await hold('bridge:slow/1-of-4')
    const [slow = ''] = idsOf('slow', 1, 1)
    const [fast = ''] = idsOf('slow', 2, 1)
    await append(slow, [placed(), placed()])
    await append(fast, [placed('x'.repeat(6000)), placed()])
    const status = await until(
      () => statusOf('slow'),
      ({ lanes, head }) => lanes.filter(({ position }) => position === head).length === 3,
    )
    expect(status).toMatchObject({ lag: 4n, position: status.head - 4n, parkedEvents: 2, state: 'paused' })
    // As if it had been parked by the slow lane just before its process died.
    const ahead = (await logOf('slow')).findLast(({ aggregateId }) => aggregateId === slow)!
    await bridges.database.pool.query(
      `insert into tidemark.parked_records (bridge, position, status, event_id, stream_id, version, type, key)
       values ('slow', $1, 'failed', $2, $3, $4, $5, $3)`,
      [ahead.position, ahead.id, ahead.streamId, ahead.version, ahead.type],
    )
    const producer = newProducer()
    expect(await retryParkedRecords(bridges.store, defineBridge(definition), { producer })).toMatchObject([
      { key: `order-${fast}`, published: 2, waiting: 0 },
    ])
    expect(await replayToTopic(bridges.store, defineBridge(definition), { producer })).toMatchObject({
      position: status.position,
    })
    await hold('bridge:slow/1-of-4', false)
    await caughtUp(bridge)
    expect(await listParkedRecords(bridges.store, { bridge: 'slow' })).toEqual([])
    expect(await published(definition)).toMatchObject({ missing: [], outOfOrder: [] })
  })

  test('is drained by whoever asks for it, where nobody runs it', async () => {
    const definition = definitionOf('drained')
    await appendOrders(bridges.store, orderIds('drained', 20))
    const admin = createKafkaAdmin({ brokers: [brokers] })
    const { createTopics } = bridges
    const drained = await drainBridge(bridges.store, defineBridge(definition), {
      ...{ producer: newProducer, admin, groups: [], createTopics, leaseMs },
    })
    await admin.disconnect()
    expect((await statusOf('drained')).position).toBeGreaterThanOrEqual(drained.position)
    expect(await published(definition)).toEqual(clean)
  })

  describe('whose number is changed', () => {
    test('begins where the slowest lane was, and loses nothing', async () => {
      const definition = definitionOf('changed', { lanes: 2 })
      await appendOrders(bridges.store, orderIds('changed', 20))
      const before = await startBridge(definition, options)
      await caughtUp(before)
      await hold('bridge:changed/1-of-2')
      await appendOrders(bridges.store, orderIds('changed-later', 20))
      const { position } = await until(
        () => statusOf('changed'),
        ({ lanes, head }) => lanes[0]!.position === head,
      )
      await before.stop()
      await hold('bridge:changed/1-of-2', false)
      const after = await startBridge({ ...definition, lanes: 3 }, { ...options, readBack: 0 })
      expect((await statusOf('changed')).lanes.map(({ checkpoint }) => checkpoint)).toEqual(
        [0, 1, 2].map((lane) => `bridge:changed/${lane}-of-3`),
      )
      await caughtUp(after)
      const again = (await logOf('changed')).filter(
        (event) => event.position > position && laneOfKey(event.streamId, 2) === 0,
      )
      expect(again.length).toBeGreaterThan(0)
      const report = await published(definition)
      expect(report).toEqual({ ...clean, duplicates: report.duplicates })
      // Whoever had the lane that was held may have had records of it on their way.
      expect(report.duplicates).toBeGreaterThanOrEqual(again.length)
      expect(report.duplicates).toBeLessThanOrEqual(60)
      await after.stop()
      const one = await startBridge({ ...definition, lanes: 1 }, options)
      await appendOrders(bridges.store, orderIds('changed-last', 5))
      await caughtUp(one)
      expect((await statusOf('changed')).lanes.map(({ checkpoint }) => checkpoint)).toEqual(['bridge:changed'])
      expect(await published(definition)).toEqual(report)
    })

    test.each([
      [1, 4],
      [4, 2],
    ])('from %i to %i while others run it waits until all of them have stopped', async (from, to) => {
      const definition = definitionOf(`differing-${from}`, { lanes: from })
      const first = await startBridge(definition, options)
      await caughtUp(first)
      const second = await startBridge({ ...definition, lanes: to }, options)
      await appendOrders(bridges.store, orderIds(definition.name, 20))
      await caughtUp(first)
      const waiting = await second.status()
      expect(waiting).toMatchObject({ published: 0, state: 'waiting-for-lease' })
      expect(waiting.error).toContain(`has ${to} lanes here`)
      expect(waiting.error).toContain(`runs it with ${from}`)
      // Longer than the lease: it is not taken away.
      await sleep(2 * leaseMs)
      expect((await statusOf(definition.name)).lanes).toHaveLength(from)
      await first.stop()
      await until(
        () => statusOf(definition.name),
        ({ lanes, state }) => lanes.length === to && state === 'running',
      )
      await appendOrders(bridges.store, orderIds(`${definition.name}-later`, 20))
      await caughtUp(second)
      expect(await second.status()).toMatchObject({ error: undefined, published: 60 })
      expect(await published(definition)).toEqual(clean)
    })

    test('stays paused, and a process of the former number that comes back waits', async () => {
      const definition = definitionOf('former', { lanes: 2 })
      const former = await startBridge(definition, options)
      await caughtUp(former)
      await pauseBridge(bridges.store, 'former', 'a test')
      // Nobody has a lease now, but the process is there: it would take them.
      const present = await startBridge({ ...definition, lanes: 3 }, options)
      expect((await present.status()).error).toContain('runs it with 2')
      await former.stop()
      await until(
        () => statusOf('former'),
        ({ lanes }) => lanes.length === 3,
      )
      expect(await statusOf('former')).toMatchObject({ state: 'paused', stall: { why: 'a test' } })
      await resumeBridge(bridges.store, 'former')
      const back = await startBridge(definition, options)
      await appendOrders(bridges.store, orderIds('former', 10))
      await caughtUp(present)
      expect((await back.status()).published).toBe(0)
      expect((await back.status()).error).toContain('runs it with 3')
      expect(await published(definition)).toEqual(clean)
    })
  })
})
