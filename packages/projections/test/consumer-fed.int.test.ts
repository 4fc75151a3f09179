import { createEventStore, inTransaction, type EventStore, type FedTable } from '@tidemark/eventstore'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  consumerFed,
  createProjector,
  defineProjection,
  diffProjection,
  rebuildProjection,
  rollbackProjection,
} from '../src/index.js'
import { customerTotals, orderSummary } from './order.js'
import { placeMany, rowsOf } from './order-log.js'
import { useStoreDatabase } from './store-database.js'

const sharded = { ...orderSummary, shards: 3 }
const noBeginning = () => Promise.resolve(() => Promise.resolve())

describe('a read model that is fed', () => {
  const database = useStoreDatabase({ max: 10 })
  let store: EventStore
  beforeAll(async () => {
    store = createEventStore(database.pool, { listen: false })
    await placeMany(store, 'fed', 120)
  })
  afterAll(() => store.close())

  test('is taken over by one of several that start at once, with all that was in the log', async () => {
    const begun: string[] = []
    const attach = (member: string) =>
      consumerFed(store, sharded).attach({
        feeder: 'readers',
        begin: async () => {
          begun.push(`${member} begins`)
          return async (_transaction, tableId) => void begun.push(tableId)
        },
      })
    const tables = await Promise.all(['a', 'b', 'c'].map(attach))
    const { position } = await store.head()
    const [first] = tables
    expect(begun).toEqual([expect.stringMatching(/^[abc] begins$/), first!.id])
    for (const { id, position: at } of tables) expect({ id, at }).toEqual({ id: first!.id, at: position })
    expect(await rowsOf(store, sharded)).toHaveLength(108)
    const versions = await inTransaction(database.pool, (client) =>
      first!.versions(client, ['order-fed-1', 'order-nobody']),
    )
    expect([...versions]).toEqual([['order-fed-1', 1n]])
  })

  test('has one feeder, and no position that anybody could compare', async () => {
    await expect(consumerFed(store, sharded).attach({ feeder: 'others', begin: noBeginning })).rejects.toMatchObject({
      code: 'PROJECTIONS_FED',
      group: 'readers',
    })
    const projector = createProjector(store, [sharded], { watchIntervalMs: 50 })
    await projector.start()
    await placeMany(store, 'later', 5)
    expect(await projector.waitFor('order-summary', (await store.head()).position, { timeoutMs: 20_000 })).toBe('fed')
    expect(await projector.status()).toMatchObject([
      { state: 'running', owner: 'consumer group readers', lag: 0n, stall: undefined },
    ])
    await projector.stop()
    expect(await rowsOf(store, sharded)).toHaveLength(108)
    await expect(rebuildProjection(store, sharded, { from: 1n })).rejects.toMatchObject({ code: 'PROJECTIONS_FED' })
  })

  test('is not switched while a consumer writes, and no consumer writes to what was replaced', async () => {
    const fed: FedTable = await consumerFed(store, sharded).attach({ feeder: 'readers', begin: noBeginning })
    await rebuildProjection(store, sharded, { promote: false })
    await expect(diffProjection(store, sharded)).rejects.toMatchObject({ code: 'PROJECTIONS_FED' })
    let rebuilding: Promise<unknown> | undefined
    await inTransaction(database.pool, async (client) => {
      expect(await fed.enter(client)).toBe(true)
      let switched = false
      rebuilding = rebuildProjection(store, sharded).then(() => (switched = true))
      await new Promise((resolve) => setTimeout(resolve, 2000))
      expect(switched).toBe(false)
    })
    await rebuilding
    expect(await inTransaction(database.pool, (client) => fed.enter(client))).toBe(false)
    // All of the log, although nobody had fed the last events.
    expect(await rowsOf(store, sharded)).toHaveLength(112)
    // Nobody knows which events are in the rows that were fed.
    await expect(rollbackProjection(store, sharded)).rejects.toMatchObject({ code: 'PROJECTIONS_NO_SUCH_TABLE' })
    const again = await consumerFed(store, sharded).attach({ feeder: 'others', begin: noBeginning })
    expect(again.id).not.toBe(fed.id)
    expect(again.position).toBe((await store.head()).position)
  })

  test('is keyed by its stream, and stops at what it fails on', () => {
    const parking = defineProjection({ ...definitionOf('parking'), poison: { policy: 'park' } })
    for (const projection of [customerTotals, parking])
      expect(() => consumerFed(store, projection)).toThrow(expect.objectContaining({ code: 'PROJECTIONS_DEFINITION' }))
  })
})

const definitionOf = (name: string) => ({
  name,
  version: 1,
  schema: orderSummary.schema,
  key: 'orderId' as const,
  on: [orderSummary.aggregates, { OrderForgotten: () => null }] as const,
})
