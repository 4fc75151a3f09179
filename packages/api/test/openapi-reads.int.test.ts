import { createEventStore } from '@tidemark/eventstore'
import { expect, test } from 'vitest'
import { createServer } from '../src/index.js'
import { Order, orderSummary } from './order.js'
import { useStoreDatabase } from './store-database.js'

const database = useStoreDatabase()

interface Documented {
  readonly responses: Record<string, { headers?: Record<string, { schema: object }>; content?: Record<string, object> }>
}

test('the document of reads names their routes, media types and headers as OpenAPI has them', async () => {
  const store = createEventStore(database.pool)
  const app = createServer({ store, aggregates: [Order], projections: [orderSummary] })
  const { paths } = (await app.inject('/openapi.json')).json<{ paths: Record<string, { get: Documented }> }>()
  for (const path of ['', '/{key}', '/{key}/history', '/{key}/blame']) {
    const { responses } = paths[`/v1/order-summary${path}`]!.get
    const { headers = {}, content = {} } = responses['200']!
    expect(Object.keys(content)).toContain('application/json')
    expect(Object.keys(content).includes('text/event-stream')).toBe(['', '/{key}'].includes(path))
    expect(Object.keys(headers)).toContain(path === '' ? 'Link' : 'ETag')
    for (const header of Object.values(headers)) expect(header.schema).toMatchObject({ type: 'string' })
    expect(responses['304']?.content).toBeUndefined()
    expect(Object.keys(responses['503']!.content!)).toEqual(['application/problem+json'])
  }
  await app.close()
  await store.close()
})
