import { createEventStore, type EventStore } from '@tidemark/eventstore'
import { createProjector } from '@tidemark/projections'
import fastify, { type FastifyInstance } from 'fastify'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createServer, metrics, type BridgeFigures } from '../src/index.js'
import { Order, orderOf, orderSummary } from './order.js'
import { useStoreDatabase } from './store-database.js'

const bridge: BridgeFigures = {
  ...{ name: 'orders', state: 'failed', lag: 7n, lagMs: 2500, oldestUnsentMs: 3500 },
  ...{ parkedKeys: 1, parkedEvents: 4 },
}

describe('figures', () => {
  const database = useStoreDatabase()
  let store: EventStore
  let app: FastifyInstance
  beforeAll(async () => {
    store = createEventStore(database.pool)
    const projector = createProjector(store, [orderSummary])
    await projector.start()
    await projector.stop()
    app = createServer({
      ...{ store, aggregates: [Order], projections: [orderSummary] },
      metrics: { bridges: async () => [bridge] },
    })
  })
  afterAll(async () => {
    await app.close()
    await store.close()
  })
  const scrape = async (server = app) => {
    const answer = await server.inject('/metrics')
    expect(answer.statusCode).toBe(200)
    expect(answer.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/)
    return answer.body
  }
  const valueOf = (text: string, name: string, ...labels: string[]) => {
    const line = text.split('\n').find((one) => one.startsWith(name) && labels.every((label) => one.includes(label)))
    return line === undefined ? undefined : Number(line.split(' ').at(-1))
  }

  test('tell how far projections, bridges and commands are', async () => {
    for (let count = 0; count < 3; count++)
      await app.inject({ method: 'POST', url: `/v1/order/m-${count}/place`, payload: orderOf(1) })
    await database.pool.query(
      `insert into tidemark.parked_events (consumer, position, projection, status, event_id, stream_id, version, type, keys)
       select 'order_summary_v1_1', p, 'order-summary', s, gen_random_uuid(), 'order-m-1', 1, 'OrderPlaced', '[]'
         from (values (1, 'failed'), (2, 'blocked'), (3, 'skipped')) v(p, s)`,
    )
    const text = await scrape()
    const head = await store.head()
    expect(valueOf(text, 'tidemark_head_position{')).toBe(Number(head.position))
    expect(valueOf(text, 'tidemark_head_lag{')).toBe(0)
    const ofSummary = 'tidemark_projection="order-summary"'
    expect(valueOf(text, 'tidemark_projection_lag{', ofSummary)).toBe(3)
    expect(valueOf(text, 'tidemark_projection_lag_time_seconds{', ofSummary)).toBeGreaterThan(0)
    expect(valueOf(text, 'tidemark_projection_failed{', ofSummary)).toBe(0)
    expect(valueOf(text, 'tidemark_projection_parked_events{', ofSummary)).toBe(2)
    const ofBridge = 'tidemark_bridge="orders"'
    expect(valueOf(text, 'tidemark_bridge_lag{', ofBridge)).toBe(7)
    expect(valueOf(text, 'tidemark_bridge_oldest_unsent_seconds{', ofBridge)).toBe(3.5)
    expect(valueOf(text, 'tidemark_bridge_failed{', ofBridge)).toBe(1)
    expect(valueOf(text, 'tidemark_bridge_parked_events{', ofBridge)).toBe(4)
    expect(valueOf(text, 'tidemark_commands_waiting{')).toBe(0)
    expect(text).toContain('tidemark_schema="tidemark"')
  })

  test('tell that an open append holds the head, and for how long', async () => {
    const client = await database.pool.connect()
    try {
      await client.query('begin')
      await store.appendToStream('order-open', [{ type: 'OrderShipped', data: {} }], {
        ...{ expectedVersion: 'any', transaction: client },
      })
      await store.appendToStream('order-behind', [{ type: 'OrderShipped', data: {} }], { expectedVersion: 'any' })
      const text = await scrape()
      expect(valueOf(text, 'tidemark_head_lag{')).toBe(2)
      expect(valueOf(text, 'tidemark_head_held_seconds{')).toBeGreaterThan(0)
    } finally {
      await client.query('rollback')
      client.release()
    }
    expect(valueOf(await scrape(), 'tidemark_head_held_seconds{')).toBe(0)
  })

  test('are told by the pattern of a route, however many ids and paths are asked for', async () => {
    for (let count = 0; count < 30; count++) {
      await app.inject({ method: 'POST', url: `/v1/order/id-${count}/nothing-${count}` })
      await app.inject(`/v1/order-summary/key-${count}?unknown=${count}`)
      await app.inject(`/nowhere/${count}`)
    }
    const text = await scrape()
    const routes = new Set([...text.matchAll(/route="([^"]*)"/g)].map(([, route]) => route))
    expect(routes).toContain('/v1/order-summary/:key')
    expect([...routes].join(' ')).not.toMatch(/\d\d/)
    expect(routes.size).toBeLessThan(10)
    expect(valueOf(text, 'tidemark_http_request_duration_seconds_count{', 'route="none"', 'status="404"')).toBe(30)
  })

  test('of scrapes at one time come from one look', async () => {
    let looks = 0
    const counted = createServer({
      ...{ store, aggregates: [], projections: [] },
      metrics: {
        bridges: async () => {
          looks++
          return []
        },
      },
    })
    await Promise.all(Array.from({ length: 10 }, () => scrape(counted)))
    expect(looks).toBe(1)
    await scrape(counted)
    expect(looks).toBe(2)
    await counted.close()
  })

  test('that cannot be had are left out, and it is said which', async () => {
    let isBroken = false
    const broken = createServer({
      ...{ store, aggregates: [], projections: [orderSummary] },
      metrics: { bridges: () => (isBroken ? Promise.reject(new Error('secret')) : Promise.resolve([bridge])) },
    })
    expect(valueOf(await scrape(broken), 'tidemark_bridge_lag{')).toBe(7)
    isBroken = true
    const text = await scrape(broken)
    expect(valueOf(text, 'tidemark_bridge_lag{')).toBeUndefined()
    expect(valueOf(text, 'tidemark_look_failed{', 'look="bridges"')).toBe(1)
    expect(valueOf(text, 'tidemark_look_failed{', 'look="projections"')).toBe(0)
    expect(valueOf(text, 'tidemark_projection_lag{')).toBeDefined()
    expect(text).not.toContain('secret')
    await broken.close()
  })

  test("are a plugin for a server of one's own too", async () => {
    const own = fastify()
    await own.register(metrics, { authentication: 'none', store, path: '/figures' })
    own.get('/hello/:name', async () => 'hello')
    await own.inject('/hello/you')
    const answer = await own.inject('/figures')
    expect(answer.body).toContain('route="/hello/:name"')
    await own.close()
  })

  test('that the dashboard and the alerts ask for are all exported', async () => {
    const exported = namesIn(await scrape())
    for (const name of await namesOfConsumers()) exported.add(name)
    for (const file of ['grafana-dashboard.json', 'alert-rules.yaml']) {
      const asked = namesIn(await readFile(new URL(`../../../docs/operations/${file}`, import.meta.url), 'utf8'))
      expect(asked.size, file).toBeGreaterThan(8)
      expect(
        [...asked].filter((name) => !exported.has(name)),
        file,
      ).toEqual([])
    }
  })
})

/** Names of figures, without what histograms add, and without labels, which have names of their own. */
function namesIn(text: string): Set<string> {
  const labels = new Set(['tidemark_schema', 'tidemark_projection', 'tidemark_bridge', 'tidemark_consumer'])
  const names = [...text.matchAll(/\btidemark_[a-z_]+/g)].map(([name]) => name.replace(/_(?:bucket|sum|count)$/, ''))
  return new Set(names.filter((name) => !labels.has(name) && name !== 'tidemark_outcome'))
}

/** The instruments of the consumer kit, by the names that OpenTelemetry's exporter for Prometheus gives them. */
async function namesOfConsumers(): Promise<string[]> {
  const source = await readFile(new URL('../../fanout/src/telemetry/consumer-metrics.ts', import.meta.url), 'utf8')
  const instruments = source.matchAll(/create(\w+)\('tidemark\.([a-z_.]+)', \{\s*unit: '([^']+)'/g)
  return [...instruments].map(([, kind = '', name = '', unit]) => {
    const suffix = (unit === 's' ? '_seconds' : '') + (kind.endsWith('Counter') ? '_total' : '')
    return `tidemark_${name.replaceAll('.', '_')}${suffix}`
  })
}
