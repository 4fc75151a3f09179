import { createEventStore } from '@tidemark/eventstore'
import { migrate } from '@tidemark/migrations'
import pg from 'pg'
import { expect, test } from 'vitest'
import {
  blame,
  createProjector,
  defineHandler,
  inlineProjections,
  ProjectionDefinitionError,
  rebuildProjection,
  replay,
  verifyProjection,
} from '../src/index.js'
import { Order, orderSummary } from './order.js'
import { useStoreDatabase } from './store-database.js'

const database = useStoreDatabase()

test('a read model, which would mix tenants, is refused in a store that has them', async () => {
  await migrate(database.directUrl, { tenancy: true })
  const store = createEventStore(database.pool, { listen: false })
  const projector = createProjector(store, [orderSummary])
  await expect(projector.start()).rejects.toThrow(/belong to tenants/)
  await expect(rebuildProjection(store, orderSummary)).rejects.toBeInstanceOf(ProjectionDefinitionError)
  await expect(replay(store, orderSummary)).rejects.toBeInstanceOf(ProjectionDefinitionError)
  await expect(verifyProjection(store, orderSummary)).rejects.toBeInstanceOf(ProjectionDefinitionError)
  await expect(blame(store, orderSummary, 'o')).rejects.toBeInstanceOf(ProjectionDefinitionError)
  await projector.stop()
  const inline = createEventStore(database.pool, { listen: false, inline: inlineProjections([orderSummary]) })
  await expect(inline.prepare()).rejects.toBeInstanceOf(ProjectionDefinitionError)
  await inline.close()
  await store.close()
})

test('a handler to which streams are replayed is told whose they are', async () => {
  const pool = new pg.Pool({ connectionString: database.directUrl, options: '-c role=tidemark_writer', max: 2 })
  const writers = createEventStore(pool, { listen: false })
  for (const tenant of ['acme', 'bolt']) {
    const seen = { type: 'OrderSeen', data: {} } as const
    await writers.forTenant(tenant).append(Order, 'same', [seen], { expectedVersion: 0 })
  }
  await writers.close()
  await pool.end()
  const tenants: unknown[] = []
  const handler = defineHandler({
    name: 'whose',
    version: 1,
    on: Order,
    handle: async (_, events) => void tenants.push(...events.map(({ tenant }) => tenant)),
  })
  const store = createEventStore(database.pool, { listen: false })
  expect(await replay(store, handler, { streams: ['order-same'] })).toMatchObject({ events: 2, batches: 1 })
  expect(tenants).toEqual(['acme', 'bolt'])
  await store.close()
})
