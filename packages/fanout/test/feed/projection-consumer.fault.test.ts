import { createEventStore, type EventStore } from '@tidemark/eventstore'
import { rebuildProjection } from '@tidemark/projections'
import { startLocalKafka, testProgram, type KafkaServer } from '@tidemark/test-servers'
import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { createBridge, createKafkaProducer, defineBridge } from '../../src/index.js'
import { Order, orderIds } from '../order.js'
import { useStoreDatabase } from '../store-database.js'
import { until } from '../until.js'
import { hashOf, orderTrails, pay, trailsOfLog, trailsOfReadModel } from './order-trails.js'

const feed = await testProgram(new URL('../programs/run-projection-consumer.ts', import.meta.url))

interface Seen {
  readonly applied: number
  readonly duplicates: number
  readonly failures: number
  readonly partitions: readonly string[]
  readonly halted: readonly string[]
}

interface Member {
  readonly child: ChildProcess
  /** What it reported last. */
  seen: Seen
}

// The brokers are ended and the members are killed, so both are of its own.
describe.skipIf(!inject('kafkaBrokers'))('a read model that processes of their own feed', () => {
  const database = useStoreDatabase({ max: 12 })
  const members: Member[] = []
  let kafka: KafkaServer
  let store: EventStore
  beforeAll(async () => {
    kafka = await startLocalKafka({ brokers: 3 })
    store = createEventStore(database.pool, { pollIntervalMs: 50 })
  }, 180_000)
  afterEach(() => {
    for (const { child } of members.splice(0)) child.kill('SIGKILL')
  })
  afterAll(async () => {
    await store.close()
    await kafka.close()
  })

  function join(topic: string): Member {
    const child = feed([database.url, kafka.bootstrapServers, topic], { readable: true })
    const member: Member = { child, seen: { applied: 0, duplicates: 0, failures: 0, partitions: [], halted: [] } }
    createInterface({ input: child.stdout! }).on('line', (line) => (member.seen = JSON.parse(line) as Seen))
    members.push(member)
    return member
  }

  /** Waits until all of these work, together on all partitions. */
  const atWork = (some: readonly Member[]) =>
    until(
      async () => some.map(({ child, seen }) => ({ ...seen, exitCode: child.exitCode })),
      (all) =>
        all.every(({ applied, exitCode }) => applied > 0 && exitCode === null) &&
        new Set(all.flatMap(({ partitions }) => partitions)).size === 6,
      120_000,
    )

  test('has every event once while members are killed, paused and added, and a broker dies', async () => {
    const topic = 'fed-orders'
    const producer = createKafkaProducer({ brokers: kafka.bootstrapServers.split(','), requestTimeoutMs: 5000 })
    const createTopics = { partitions: 6, replicationFactor: 3 }
    const bridge = createBridge(store, defineBridge({ name: topic, from: [Order], topic, createTopics }), { producer })
    await bridge.start()
    // Before anybody feeds the read model.
    await pay(store, orderIds('fed', 40), 5)

    let writing = true
    const ids = orderIds('fed', 60)
    let turn = 0
    const load = (async () => {
      while (writing) {
        const from = (turn++ % 4) * 15
        await pay(store, ids.slice(from, from + 15))
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    })()
    try {
      const [first, second] = [join(topic), join(topic)]
      await atWork([first, second])
      const third = join(topic)
      await atWork([first, second, third])
      // Its partitions go to others while it is away, and it wakes in the middle of what it was doing.
      second.child.kill('SIGSTOP')
      await new Promise((resolve) => setTimeout(resolve, 9000))
      first.child.kill('SIGKILL')
      await kafka.brokers[1]!.kill('SIGKILL')
      const fourth = join(topic)
      second.child.kill('SIGCONT')
      await kafka.brokers[1]!.start()
      await atWork([second, third, fourth])
      third.child.kill('SIGTERM')
      const ended = await until(
        async () => ({ code: third.child.exitCode, signal: third.child.signalCode, seen: third.seen }),
        ({ code, signal }) => code !== null || signal !== null,
      )
      expect(ended).toMatchObject({ code: 0, signal: null })
      await atWork([second, fourth])
    } finally {
      writing = false
      await load
    }
    const wanted = await trailsOfLog(database.pool)
    await until(
      async () => hashOf(await trailsOfReadModel(database.pool)),
      (hash) => hash === hashOf(wanted),
      60_000,
    )
    expect(members.flatMap(({ seen }) => seen.halted)).toEqual([])
    await bridge.stop()
    await producer.disconnect()
    for (const { child } of members.splice(0)) child.kill('SIGKILL')

    // The projector's own fold of the log comes to the same rows.
    await rebuildProjection(store, orderTrails)
    expect(hashOf(await trailsOfReadModel(database.pool))).toBe(hashOf(wanted))
  }, 600_000)
})
