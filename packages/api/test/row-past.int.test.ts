import { createEventStore, type EventStore } from '@tidemark/eventstore'
import { createProjector, type Projector } from '@tidemark/projections'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createServer } from '../src/index.js'
import { Order, orderOf, orderSummary } from './order.js'
import { code, Item, removed, shelves, stock, stored } from './stock.js'
import { useStoreDatabase } from './store-database.js'

describe('the past of a row', () => {
  const database = useStoreDatabase()
  let store: EventStore
  let projector: Projector
  let app: FastifyInstance
  // The time of the next event, in minutes.
  let minute = 0
  const at = (minutes: number) => new Date(Date.UTC(2025, 0, 1, 0, minutes))
  const positions: bigint[] = []
  beforeAll(async () => {
    store = createEventStore(database.pool, { clock: () => at(minute) })
    const projections = [stock, shelves, orderSummary]
    projector = createProjector(store, projections)
    await projector.start()
    app = createServer({ store, aggregates: [Item, Order], projections, projector })
    const metadata = { actor: 'ada', correlationId: 'request-1' }
    for (const event of [stored('a', 1), stored('b', 1), stored('b', 1), removed, stored('c', 7)]) {
      minute++
      const appended = await store.append(Item, 'i-1', [{ ...event, metadata }], { expectedVersion: 'any' })
      positions.push(appended.position)
    }
    await store.execute(Order, 'o-1', 'place', orderOf(5) as never)
    const { position } = await store.head()
    for (const { name } of projections)
      expect(await projector.waitFor(name, position, { timeoutMs: 10_000 })).toBe('reached')
  })
  afterAll(async () => {
    await app.close()
    await projector.stop()
    await store.close()
  })
  const get = async (url: string, headers: Record<string, string> = {}) => {
    const { statusCode, headers: sent, ...answer } = await app.inject({ url: `/v1${url}`, headers })
    return { status: statusCode, etag: String(sent['etag']), body: answer.body === '' ? undefined : answer.json() }
  }

  test('is the row as it was at a position, and at a time', async () => {
    const shelfAt = async (asOf: string) => {
      const { status, body } = await get(`/stock/i-1?asOf=${encodeURIComponent(asOf)}`)
      return status === 200 ? body.shelf : body.type
    }
    expect(await shelfAt(String(positions[0]))).toBe('a')
    expect(await shelfAt(String(positions[1]))).toBe('b')
    expect(await shelfAt('0')).toBe('/problems/row-not-found')
    expect(await shelfAt(String(positions[3]))).toBe('/problems/row-not-found')
    expect(await shelfAt('9223372036854775807')).toBe('c')
    expect(await shelfAt(at(1).toISOString())).toBe('a')
    expect(await shelfAt('2025-01-01T01:02:30+01:00')).toBe('b')
    expect(await shelfAt('2024-12-31')).toBe('/problems/row-not-found')
    expect(await shelfAt('2025-01-02')).toBe('c')
  })

  test('is written as the row of today is, value for value', async () => {
    const now = await get('/order-summary/o-1')
    const then = await get('/order-summary/o-1?asOf=9223372036854775807')
    expect(then).toEqual(now)
    expect(then.etag).toMatch(/^"/)
    expect((await get('/order-summary/o-1?asOf=2999-01-01', { 'if-none-match': now.etag })).status).toBe(304)
    expect((await get('/order-summary/o-1?asOf=2999-01-01&fields=total')).body).toEqual({ total: 5 })
  })

  test('is told version by version, in pages', async () => {
    const { body } = await get('/stock/i-1/history')
    expect(body.page).toEqual({ next: null })
    expect(body.data).toHaveLength(5)
    expect(body.data[1]).toMatchObject({
      row: { item: 'i-1', shelf: 'b', amount: 1, changes: 2, text: null },
      changes: { shelf: { before: 'a', after: 'b' }, changes: { before: 1, after: 2 } },
      event: {
        ...{ type: 'Stored', position: String(positions[1]), version: '2', streamId: 'item-i-1' },
        ...{ actor: 'ada', correlationId: 'request-1', recordedAt: at(2).toISOString() },
      },
    })
    expect(Object.keys(body.data[1].changes)).toEqual(['shelf', 'changes'])
    expect(body.data[0].changes.shelf).toEqual({ after: 'a' })
    expect(body.data[3]).toMatchObject({ row: null, changes: { shelf: { before: 'b' } } })
    const walked: unknown[] = []
    let after: string | null = '0'
    while (after !== null) {
      const page: Awaited<ReturnType<typeof get>> = await get(`/stock/i-1/history?limit=2&after=${after}`)
      walked.push(...page.body.data)
      after = page.body.page.next
    }
    expect(walked).toEqual(body.data)
  })

  test('names for every value the event that set it', async () => {
    const blamed = await get('/stock/i-1/blame')
    expect(blamed.body).toMatchObject({
      key: 'i-1',
      position: String((await store.head()).position),
      row: { shelf: 'c', amount: 7 },
      fields: { amount: { value: 7, position: String(positions[4]), version: '5', actor: 'ada' } },
    })
    await store.append(Item, 'gone', [stored('a'), removed], { expectedVersion: 'no-stream' })
    expect((await get('/stock/gone/blame')).body).toMatchObject({
      ...{ row: null, fields: {} },
      deletedBy: { type: 'Removed', version: '2' },
    })
    expect((await get('/stock/i-1/blame', { 'if-none-match': blamed.etag })).status).toBe(200)
  })

  test.each(['?asOf=5', '/history', '/blame'])(
    'is not told where a row is made from several streams: %s',
    async (of) => {
      expect((await get(`/shelves/a${of}`)).body).toMatchObject({ status: 422, type: '/problems/not-single-stream' })
    },
  )

  test.each(['?asOf=5', '/history', '/blame'])('is not there where no row ever was: %s', async (of) => {
    for (const key of ['nobody', '%00'])
      expect((await get(`/stock/${key}${of}`)).body).toMatchObject({ status: 404, type: '/problems/row-not-found' })
    expect((await get(`/stok/nobody${of}`)).body).toMatchObject({ status: 404, type: '/problems/unknown-projection' })
  })

  test('is dated by the version of its stream that the row shows, while events are appended and folded', async () => {
    const versionOf = async (path: string) => (await app.inject(`/v1${path}`)).headers['tidemark-stream-version']
    expect(await versionOf('/stock/i-1')).toBe('5')
    expect(await versionOf('/stock/i-1?fields=item')).toBe('5')
    expect(await versionOf('/order-summary/o-1')).toBe('1')
    expect(await versionOf('/shelves/a')).toBeUndefined()
    const items = ['v-1', 'v-2', 'v-3']
    let done = false
    const writing = Promise.all(
      items.map(async (item) => {
        for (let index = 0; index < 40; index++)
          await store.append(Item, item, [stored('v')], { expectedVersion: 'any' })
      }),
    ).then(() => (done = true))
    let reads = 0
    while (!done)
      for (const item of items) {
        const answer = await app.inject(`/v1/stock/${item}`)
        if (answer.statusCode === 404) continue
        reads++
        expect(answer.headers['tidemark-stream-version']).toBe(String(answer.json().changes))
      }
    await writing
    expect(reads).toBeGreaterThan(20)
  })

  test('is folded for a few at once, and others are told to come later', async () => {
    const answers = await Promise.all(Array.from({ length: 9 }, () => get('/stock/i-1/history')))
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array<number>(8).fill(200), 503])
    expect((await get('/stock/i-1/history')).status).toBe(200)
  })

  test('is not told, and says why, where an event fails or was deleted', async () => {
    code.takesThirteen = false
    await store.append(Item, 'unlucky', [stored('a', 13)], { expectedVersion: 'no-stream' })
    await store.append(Item, 'cut', [stored('a'), stored('b')], { expectedVersion: 'no-stream' })
    await projector.waitFor('stock', (await store.head()).position, { timeoutMs: 10_000 })
    const options = { beforeVersion: 2n, withoutSnapshot: true, evenIfUnread: true }
    await store.truncateStream('item-cut', options)
    for (const of of ['?asOf=2999-01-01', '/history', '/blame']) {
      const failed = (await get(`/stock/unlucky${of}`)).body
      expect(failed).toMatchObject({ status: 422, type: '/problems/history-not-foldable' })
      expect(JSON.stringify(failed)).not.toContain('unlucky"}')
      expect((await get(`/stock/cut${of}`)).body).toMatchObject({ status: 410, type: '/problems/history-truncated' })
    }
    expect((await get('/stock/cut')).status).toBe(200)
    // A row that lacks an event has no version of its stream.
    await store.append(Item, 'i-1', [stored('c', 13)], { expectedVersion: 'any' })
    await projector.waitFor('stock', (await store.head()).position, { timeoutMs: 10_000 })
    const { headers } = await app.inject('/v1/stock/i-1')
    expect([headers['tidemark-incomplete'], headers['tidemark-stream-version']]).toEqual(['parked-event', undefined])
  })
})
