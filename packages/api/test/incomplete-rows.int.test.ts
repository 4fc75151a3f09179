import { createEventStore, type EventStore } from '@tidemark/eventstore'
import { createProjector, defineProjection, type Projector } from '@tidemark/projections'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createServer } from '../src/index.js'
import { Order, orderOf } from './order.js'
import { useStoreDatabase } from './store-database.js'

/** Cannot take a total of 13. */
const totals = defineProjection({
  ...{ name: 'totals', version: 1, key: 'orderId', poison: { policy: 'park', retries: 0 } },
  schema: z.object({ orderId: z.string(), total: z.number(), shipped: z.boolean() }),
  on: [
    Order,
    {
      OrderPlaced: (_row, { aggregateId, data }) => ({ orderId: aggregateId, total: data.total, shipped: false }),
      OrderShipped: (row) => {
        if (row?.total === 13) throw new Error('unlucky')
        return row && { ...row, shipped: true }
      },
    },
  ],
  api: { sort: ['total'] },
})

describe('rows that lack a parked event', () => {
  const database = useStoreDatabase()
  let store: EventStore
  let projector: Projector
  let app: FastifyInstance
  beforeAll(async () => {
    store = createEventStore(database.pool)
    projector = createProjector(store, [totals])
    await projector.start()
    app = createServer({ store, aggregates: [Order], projections: [totals], projector })
    for (const total of [12, 13, 14]) {
      await store.execute(Order, `o-${total}`, 'place', orderOf(total) as never)
      await store.execute(Order, `o-${total}`, 'ship', {})
    }
    const { position } = await store.head()
    expect(await projector.waitFor('totals', position, { timeoutMs: 10_000 })).toBe('reached')
  })
  afterAll(async () => {
    await app.close()
    await projector.stop()
    await store.close()
  })
  const get = (url: string) => app.inject({ url: `/v1/totals${url}` })

  test('say so, alone and in a page, also where the key is not asked for', async () => {
    const one = await get('/o-13')
    expect(one.json()).toEqual({ orderId: 'o-13', total: 13, shipped: false })
    expect(one.headers['tidemark-incomplete']).toBe('parked-event')
    expect((await get('/o-12')).headers['tidemark-incomplete']).toBeUndefined()
    for (const query of ['', '?fields=total', '?sort=-total&fields=total', '?sort=orderId,total']) {
      const { page, data } = (await get(query)).json<{ page: { incomplete?: string[] }; data: unknown[] }>()
      expect(data).toHaveLength(3)
      expect(page.incomplete, query).toEqual(['o-13'])
    }
    expect((await get('?limit=1')).json()).toMatchObject({ data: [{ orderId: 'o-12' }] })
    expect((await get('?limit=1')).json<{ page: object }>().page).not.toHaveProperty('incomplete')
  })
})
