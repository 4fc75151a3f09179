import { createEventStore } from '@tidemark/eventstore'
import { defineProjection, rebuildProjection } from '@tidemark/projections'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { createServer } from '../src/index.js'
import { createReadPool } from '../src/read-models/read-pool.js'
import { Order, orderOf } from './order.js'
import { useStoreDatabase } from './store-database.js'

/** A read model whose second version has another type for one property, and one property more. */
const versions = [z.string(), z.int()].map((count, index) =>
  defineProjection({
    name: 'counts',
    version: index + 1,
    schema: z.object({ orderId: z.string(), count, ...(index > 0 && { customerId: z.string() }) }),
    key: 'orderId',
    on: [
      Order,
      {
        OrderPlaced: (_row, { aggregateId, data }) => ({
          orderId: aggregateId,
          count: (index === 0 ? String(data.items.length) : data.items.length) as never,
          customerId: data.customerId,
        }),
      },
    ],
  }),
)
const database = useStoreDatabase()

test('a row that was read by a prepared statement is read from the next version after its rebuild, by the same connection', async () => {
  const store = createEventStore(database.pool)
  await store.execute(Order, 'o-1', 'place', orderOf(0, 'c-1', 3) as never)
  const readPool = createReadPool(store, { max: 1, statementTimeoutMs: 2000 })
  const servers = versions.map((projection) =>
    createServer({ store, aggregates: [Order], projections: [projection], readPool }),
  )
  const read = async (server: number) => {
    const answer = await servers[server]!.inject('/v1/counts/o-1')
    return answer.statusCode === 200 ? answer.json<object>() : answer.json<{ type: string }>().type
  }
  await rebuildProjection(store, versions[0]!)
  for (let time = 0; time < 7; time++) expect(await read(0)).toEqual({ orderId: 'o-1', count: '3' })
  await rebuildProjection(store, versions[1]!)
  expect(await read(1)).toEqual({ orderId: 'o-1', count: 3, customerId: 'c-1' })
  const { rows } = await readPool.query<{ statement: string }>('select statement from pg_prepared_statements')
  expect(rows.some(({ statement }) => statement.includes('counts'))).toBe(true)
  for (const server of servers) await server.close()
  await readPool.end()
  await store.close()
})
