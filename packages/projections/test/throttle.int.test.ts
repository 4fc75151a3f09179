import { createEventStore, type EventStore } from '@tidemark/eventstore'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createProjector, rebuildProjection, type RebuildOptions } from '../src/index.js'
import { orderSummary } from './order.js'
import { placeMany, rowsOf } from './order-log.js'
import { useStoreDatabase } from './store-database.js'

/** What a program does with the database, from its first read of the log on. */
class Use {
  private startedAt: number | undefined
  private running = 0
  private since = 0
  private busyMs = 0
  /** The share of the time before each later read of the log in which something was read or written. */
  readonly sharesBeforeReads: number[] = []
  writes = 0

  get isBegun(): boolean {
    return this.startedAt !== undefined
  }

  begin(): void {
    if (this.running++ === 0) this.since = performance.now()
  }

  end(): void {
    if (--this.running === 0) this.busyMs += performance.now() - this.since
  }

  noteRead(): void {
    const now = performance.now()
    const busyMs = this.busyMs + (this.running > 0 ? now - this.since : 0)
    if (this.startedAt !== undefined) this.sharesBeforeReads.push(busyMs / (now - this.startedAt))
    this.startedAt ??= now
  }
}

describe('a rebuild that leaves time to others', () => {
  const database = useStoreDatabase()
  const share = 0.25
  let filled: EventStore
  beforeAll(async () => {
    filled = createEventStore(database.pool, { listen: false })
    await placeMany(filled, 'first', 200)
    const projector = createProjector(filled, [orderSummary])
    await projector.start()
    await projector.waitFor('order-summary', (await filled.head()).position, { timeoutMs: 10_000 })
    await projector.stop()
  })
  afterAll(() => filled.close())

  /** Rebuilds, with reads and writes that take some time. */
  const useOf = async (options: RebuildOptions): Promise<Use> => {
    const use = new Use()
    const store = createEventStore(database.pool, { listen: false })
    const read = store.log.read.bind(store.log)
    const connect = database.pool.connect.bind(database.pool)
    const connecting = async () => {
      const client = await connect()
      if (!use.isBegun) return client
      const release = client.release.bind(client)
      use.begin()
      await sleep(10)
      client.release = (error) => {
        use.end()
        use.writes++
        release(error)
      }
      return client
    }
    Object.assign(store.log, {
      read: async (...options: Parameters<typeof read>) => {
        use.noteRead()
        use.begin()
        await sleep(10)
        return read(...options).finally(() => use.end())
      },
    })
    Object.assign(database.pool, {
      // The pool itself calls it so for single statements.
      connect: (then?: Parameters<typeof connect>[0]) => (then ? connect(then) : connecting()),
    })
    try {
      await rebuildProjection(store, orderSummary, { batchSize: 20, rowsPerTransaction: 1, ...options })
    } finally {
      Reflect.deleteProperty(database.pool, 'connect')
      await store.close()
    }
    return use
  }

  test.each([
    ['of all rows', {}],
    ['in shards', { shards: 4 }],
    ['from a position', { from: 1n }],
  ])('%s reads and writes for no more than its share of the time', async (_, options) => {
    const before = await rowsOf(filled, orderSummary)
    const { sharesBeforeReads, writes } = await useOf({ share, ...options })
    expect(sharesBeforeReads.length).toBeGreaterThan(2)
    expect(writes).toBeGreaterThan(1)
    for (const each of sharesBeforeReads) expect(each).toBeLessThan(share * 1.2)
    expect(await rowsOf(filled, orderSummary)).toEqual(before)
  })

  test('works all of the time unless told otherwise', async () => {
    const { sharesBeforeReads } = await useOf({})
    expect(sharesBeforeReads.at(-1)).toBeGreaterThan(share * 1.2)
  })
})
