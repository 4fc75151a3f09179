import { createEventStore, type EventStore } from '@tidemark/eventstore'
import { createProjector, type Projector } from '@tidemark/projections'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createServer } from '../src/index.js'
import { Order, orderOf, orderSummary } from './order.js'
import { useStoreDatabase } from './store-database.js'

/** Mulberry32: the same seed gives the same requests. */
function createRandom(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

const names = [
  ...[
    'status',
    'total',
    'total.gte',
    'total.lt',
    'itemCount',
    'big.gte',
    'large',
    'placedAt.gte',
    'placedAt.lt',
    'carrier',
  ],
  ...['sort', 'limit', 'after', 'fields', 'before', 'asOf', 'customerId', 'items', 'total.in', 'status.eq', '.gte', ''],
  ...[
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty.gte',
    'total[gte]',
    'total.gte.lt',
    '"total"',
    'ORDER_ID',
  ],
]
const values = [
  ...[
    'placed',
    'shipped',
    '0',
    '1',
    '-1',
    '1e308',
    '1e309',
    '-0',
    'NaN',
    'Infinity',
    '9007199254740993',
    '9'.repeat(30),
  ],
  ...[
    'true',
    'false',
    'null',
    'undefined',
    '',
    ' ',
    ',',
    '-',
    '--',
    '-total,-total',
    'total,-placedAt',
    'placedAt,carrier',
  ],
  ...[
    '%00',
    '%E0%A4%A',
    '%FF',
    '%F0%9F%98%80',
    '%ED%A0%80',
    "' or 1=1 --",
    '"; drop table x',
    '$1',
    '{1,2}',
    '\\',
    '..',
    '%',
  ],
  ...['2026-01-01', '2026-01-01T00:00:00Z', '9999-12-31T23:59:59-14:00', '0001-01-01', '+275760-09-13', '2026-13-45'],
  ...['x'.repeat(3000), 'ä', '200', '201', 'orderId,total', 'orderId,,', 'e30.AAAA', 'W10', '[]', '{}', '__proto__'],
]

describe('bad requests', () => {
  const database = useStoreDatabase()
  let store: EventStore
  let projector: Projector
  let app: FastifyInstance
  beforeAll(async () => {
    store = createEventStore(database.pool)
    projector = createProjector(store, [orderSummary])
    await projector.start()
    app = createServer({ store, aggregates: [Order], projections: [orderSummary], projector })
    const { position } = await store.execute(Order, 'o-1', 'place', orderOf(1) as never)
    await projector.waitFor('order-summary', position, { timeoutMs: 10_000 })
  })
  afterAll(async () => {
    await app.close()
    await projector.stop()
    await store.close()
  })

  /** Every answer is one that the caller can do something about, and every refusal is a problem. */
  function judge(
    request: string,
    { statusCode, headers, body }: Awaited<ReturnType<FastifyInstance['inject']>>,
  ): number {
    expect(statusCode, `${request}\n${body}`).toBeLessThan(500)
    if (statusCode >= 400) expect(headers['content-type'], request).toContain('application/problem+json')
    return statusCode
  }

  test('of read models, ten thousand of them, are never the fault of the server', { timeout: 180_000 }, async () => {
    const random = createRandom(20_261)
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
    const counts = new Map<number, number>()
    for (let index = 0; index < 10_000; index++) {
      const pairs = Array.from({ length: Math.floor(random() * 4) + 1 }, () => `${pick(names)}=${pick(values)}`)
      const path = random() < 0.8 ? '/v1/order-summary' : `/v1/${pick(['order-summary', 'order', ''])}/${pick(values)}`
      const url = `${path}?${pairs.join(pick(['&', '&', '&', ';', '&&']))}`
      const headers =
        random() < 0.1
          ? { 'consistency-token': pick(['', 'x', 'AAAA']), prefer: pick(['wait=x', 'wait=-1', ';;']) }
          : {}
      const status = judge(url, await app.inject({ url, headers }))
      counts.set(status, (counts.get(status) ?? 0) + 1)
    }
    // The fuzzer is worth something only if it reaches the query as well as the refusals.
    expect(counts.get(200)).toBeGreaterThan(200)
    expect(counts.get(400)).toBeGreaterThan(2000)
  })

  test('of commands, two thousand of them, are never the fault of the server, and append nothing', async () => {
    const random = createRandom(7)
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
    const head = await store.head()
    const anything = (depth: number): unknown =>
      pick([
        () => pick(values),
        () => pick([0, -1, 1.5, 1e21, null, true, '\u0000', '\ud800', []]),
        () => (depth > 0 ? { [pick(names)]: anything(depth - 1), items: anything(depth - 1) } : {}),
        () => (depth > 0 ? [anything(depth - 1)] : []),
      ])()
    for (let index = 0; index < 2000; index++) {
      const url = `/v1/${pick(['order', 'ordr', '%2e'])}/${pick(values)}/${pick(['place', 'plac', ''])}`
      const body = { ...orderOf(1), [pick(['items', 'total', 'customerId'])]: anything(3) }
      const payload =
        random() < 0.2 ? pick(values) : JSON.stringify(random() < 0.5 ? { ...body, extra: 1 } : anything(25))
      const headers = {
        'content-type': pick(['application/json', 'application/json; charset=utf-16', 'text/html', 'x']),
        ...(random() < 0.2 && { 'if-match': pick(['"', '*', '"x"', '""']), 'idempotency-key': pick(['', '"']) }),
      }
      judge(`${url} ${payload}`, await app.inject({ method: pick(['POST', 'POST', 'PUT']), url, headers, payload }))
    }
    expect((await store.head()).lastPosition).toBe(head.lastPosition)
  })
})
