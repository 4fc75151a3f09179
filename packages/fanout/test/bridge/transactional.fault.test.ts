import { createEventStore, type EventStore } from '@tidemark/eventstore'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { checkPublished, defineBridge, listBridges } from '../../src/index.js'
import { startBridgeProcess } from '../bridge-process.js'
import { appendOrders, orderIds } from '../order.js'
import { readLog, readTopic } from '../read-topic.js'
import { useStoreDatabase } from '../store-database.js'
import { until } from '../until.js'

const brokers = inject('kafkaBrokers')
const clean = { missing: [], foreign: [], outOfOrder: [], duplicates: 0 }
const leaseMs = 1500

describe.skipIf(!brokers)('a transactional bridge, read by consumers that read only what is committed', () => {
  const database = useStoreDatabase()
  let store: EventStore
  const children: ChildProcess[] = []
  beforeAll(async () => {
    store = createEventStore(database.pool, { pollIntervalMs: 50 })
    await appendOrders(store, orderIds('killed', 200))
  })
  afterEach(() => children.splice(0).forEach((child) => child.kill('SIGKILL')))
  afterAll(() => store.close())

  const topicOf = (name: string) => `${name}-${process.pid}-${Date.now()}`
  function start(name: string, topic: string, owner: string, failpoints?: string): ChildProcess {
    const child = startBridgeProcess({
      ...{ databaseUrl: database.url, brokers: brokers!, topic, name, failpoints },
      definition: { transactional: { progressTopic: `${topic}.progress` } },
      options: { owner, leaseMs },
    })
    children.push(child)
    return child
  }
  const statusOf = async (name: string) => (await listBridges(store, [defineBridge({ name })]))[0]!
  const caughtUp = (name: string) =>
    until(
      () => statusOf(name),
      ({ lag }) => lag === 0n,
      60_000,
    )
  const published = async (topic: string, committed: boolean) =>
    checkPublished(await readTopic(brokers!, topic, { idleMs: 5000, committed }), await readLog(store))

  test.each([
    ['in a transaction', 'bridge.in-transaction=kill@3', 50],
    ["between Kafka's commit and the checkpoint", 'bridge.after-send=kill@3', 0],
  ])(
    'has each event once when its process is killed %s',
    async (_when, failpoints, uncommitted) => {
      const name = `killed-${uncommitted}`
      const topic = topicOf(name)
      for (let kill = 0; kill < 2; kill++) {
        const [, signal] = (await once(start(name, topic, 'killed', failpoints), 'exit')) as [unknown, string]
        expect(signal).toBe('SIGKILL')
      }
      start(name, topic, 'last')
      await caughtUp(name)
      expect(await published(topic, true)).toEqual(clean)
      // What was aborted is there, for who reads everything.
      expect(await published(topic, false)).toEqual({ ...clean, duplicates: 2 * uncommitted })
    },
    120_000,
  )

  test('has each event once when a process that was taken for dead wakes up in its transaction', async () => {
    const name = 'zombie'
    const topic = topicOf(name)
    // It is nearly always within a transaction.
    const zombie = start(name, topic, 'zombie', 'bridge.in-transaction=sleep:400')
    await until(
      () => statusOf(name),
      ({ position }) => position > 100n,
      60_000,
    )
    zombie.kill('SIGSTOP')
    const { position } = await statusOf(name)
    start(name, topic, 'heir')
    await until(
      () => statusOf(name),
      (status) => status.owner === 'heir' && status.position > position,
      60_000,
    )
    zombie.kill('SIGCONT')
    await appendOrders(store, orderIds('woken', 50))
    await caughtUp(name)
    // It has tried whatever it will try.
    await sleep(2 * leaseMs)
    expect((await statusOf(name)).owner).toBe('heir')
    expect(await published(topic, true)).toEqual(clean)
  }, 120_000)
})
