import { createEventStore, type EventStore } from '@tidemark/eventstore'
import { createProjector, defineProjection, type Projector } from '@tidemark/projections'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ApiConfigurationError, createServer } from '../src/index.js'
import { createReadPool } from '../src/read-models/read-pool.js'
import { Order, orderOf, orderSummary } from './order.js'
import { useStoreDatabase } from './store-database.js'

interface SummaryRow {
  orderId: string
  total: number
  carrier: string | null
  customerId: string
  status: string
}

describe('read models', () => {
  const database = useStoreDatabase()
  let store: EventStore
  let projector: Projector
  let app: FastifyInstance
  const rowCount = 60 // more come in later tests, of another customer
  beforeAll(async () => {
    store = createEventStore(database.pool)
    projector = createProjector(store, [orderSummary])
    await projector.start()
    app = createServer({ store, aggregates: [Order], projections: [orderSummary], projector })
    let position = 0n
    for (let index = 0; index < rowCount; index++) {
      const id = `o-${String(index).padStart(3, '0')}`
      const input = orderOf(index % 7, `c-${index % 3}`, (index % 4) + 1) as never
      ;({ position } = await store.execute(Order, id, 'place', input))
      if (index % 2 === 0) {
        const carrier = index % 4 === 0 ? { carrier: `carrier-${index % 5}` } : {}
        ;({ position } = await store.execute(Order, id, 'ship', carrier))
      }
    }
    expect(await projector.waitFor('order-summary', position, { timeoutMs: 20_000 })).toBe('reached')
  })
  afterAll(async () => {
    await app.close()
    await projector.stop()
    await store.close()
  })

  const get = (url: string, headers: Record<string, string> = {}) => app.inject({ url: `/v1${url}`, headers })
  const rowsOf = async (url: string): Promise<SummaryRow[]> => {
    const answer = await get(url)
    expect(answer.statusCode, answer.body).toBe(200)
    return answer.json().data
  }

  const linkOf = ({ headers }: LightMyRequestResponse, relation: string): string | undefined =>
    new RegExp(`<([^>]+)>; rel="${relation}"`).exec(String(headers['link'] ?? ''))?.[1]

  test('give one row with values of every kind, and 304 while it is the same', async () => {
    const answer = await get('/order-summary/o-001')
    expect(answer.statusCode).toBe(200)
    expect(answer.headers['content-type']).toMatch(/^application\/json/)
    expect(answer.json()).toEqual({
      orderId: 'o-001',
      customerId: 'c-1',
      status: 'placed',
      total: 1,
      itemCount: 2,
      big: '9007199254740995',
      large: false,
      placedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      carrier: null,
      items: [
        { sku: 'sku-0', quantity: 1 },
        { sku: 'sku-1', quantity: 1 },
      ],
    })
    const etag = String(answer.headers['etag'])
    expect(etag).toMatch(/^"[\w-]+"$/)
    const same = await get('/order-summary/o-001', { 'if-none-match': `"other", W/${etag}` })
    expect([same.statusCode, same.body]).toEqual([304, ''])
    const fewer = await get('/order-summary/o-001?fields=total,orderId', { 'if-none-match': etag })
    expect(fewer.statusCode).toBe(200)
    expect(fewer.json()).toEqual({ orderId: 'o-001', total: 1 })
    const changed = await get('/order-summary/o-002', { 'if-none-match': etag })
    expect(changed.statusCode).toBe(200)
    expect((await app.inject({ method: 'HEAD', url: '/v1/order-summary/o-001' })).headers['etag']).toBe(etag)
  })

  test('filter by what the definition allows', async () => {
    expect(await rowsOf('/order-summary?status=shipped&limit=200')).toHaveLength(30)
    expect(await rowsOf('/order-summary?status=shipped&status=placed&limit=200')).toHaveLength(rowCount)
    expect(await rowsOf('/order-summary?status=shipped&customerId=c-0&limit=200')).toHaveLength(10)
    const totals = await rowsOf('/order-summary?total.gte=2&total.lt=4&limit=200&fields=total')
    expect(new Set(totals.map(({ total }) => total))).toEqual(new Set([2, 3]))
    expect(await rowsOf('/order-summary?itemCount=1&itemCount=4&limit=200')).toHaveLength(30)
    expect(await rowsOf('/order-summary?big.gte=9007199254740996&limit=200')).toHaveLength(30)
    expect(await rowsOf('/order-summary?large=true')).toHaveLength(0)
    expect(await rowsOf('/order-summary?placedAt.gte=2020-01-01&limit=200')).toHaveLength(rowCount)
    expect(await rowsOf('/order-summary?placedAt.gte=2999-01-01T00:00:00%2B02:00')).toHaveLength(0)
    expect(await rowsOf(`/order-summary?customerId=${encodeURIComponent(`' or 1=1 --`)}`)).toHaveLength(0)
  })

  test.each([
    ['', (row: SummaryRow) => [row.orderId]],
    ['sort=-orderId', (row: SummaryRow) => [row.orderId]],
    ['sort=total', (row: SummaryRow) => [row.total, row.orderId]],
    ['sort=-total,customerId', (row: SummaryRow) => [-row.total, row.customerId, row.orderId]],
    ['sort=carrier', (row: SummaryRow) => [row.carrier ?? '~', row.orderId]],
    ['sort=carrier,-total&status=shipped', (row: SummaryRow) => [row.carrier ?? '~', -row.total, row.orderId]],
    ['sort=-placedAt', undefined],
    ['sort=placedAt,-carrier&total.gte=1', undefined],
    ['sort=-carrier,-orderId', undefined],
  ])('are walked page by page, each row once and in order, by %j', async (query, keyOf) => {
    const all = await rowsOf(`/order-summary?${query}&limit=200`)
    for (const limit of [1, 7, 60]) {
      const walked: SummaryRow[] = []
      let url: string | undefined = `/v1/order-summary?${query}&limit=${limit}`
      let pages = 0
      let lastUrl = url
      while (url !== undefined) {
        const answer: LightMyRequestResponse = await app.inject({ url })
        expect(answer.statusCode, answer.body).toBe(200)
        const { data, page } = answer.json()
        walked.push(...data)
        const link = linkOf(answer, 'next')
        expect(link === undefined).toBe(page.next === null)
        expect(linkOf(answer, 'prev') === undefined).toBe(pages === 0)
        if (link === undefined) lastUrl = url
        url = link
        pages++
      }
      expect(pages).toBe(Math.ceil(all.length / limit))
      expect(walked).toEqual(all)
      if (limit === 1) continue
      // And back: the pages before the last one, which may be short itself, down to a first page that may be short too.
      const last: LightMyRequestResponse = await app.inject({ url: lastUrl })
      const back: SummaryRow[] = last.json().data
      for (url = linkOf(last, 'prev'); url !== undefined;) {
        const answer: LightMyRequestResponse = await app.inject({ url })
        expect(answer.statusCode, answer.body).toBe(200)
        const { data, page } = answer.json()
        expect(page.next).not.toBeNull()
        back.unshift(...data)
        url = linkOf(answer, 'prev')
        expect(url === undefined).toBe(page.prev === null)
      }
      expect(back).toEqual(all)
    }
    if (!keyOf) return
    const keys = all.map(keyOf)
    const sorted = [...keys].sort((a, b) => {
      const index = a.findIndex((part, at) => part !== b[at])
      return index < 0 ? 0 : a[index]! < b[index]! ? -1 : 1
    })
    expect(query === 'sort=-orderId' ? [...keys].reverse() : keys).toEqual(sorted)
  })

  test('are sorted by a value, not by its text, whatever fields are asked for', async () => {
    for (let index = 0; index < 3; index++) {
      const placed = await app.inject({
        method: 'POST',
        url: `/v1/order/dear-${index}/place`,
        payload: orderOf([1000, 200, 30][index]!, 'dear'),
      })
      await get('/order-summary', {
        'consistency-token': String(placed.headers['consistency-token']),
        prefer: 'wait=5',
      })
    }
    for (const fields of ['', '&fields=orderId', '&fields=orderId,total']) {
      const rows = await rowsOf(`/order-summary?customerId=dear&sort=total${fields}`)
      expect(rows.map(({ orderId }) => orderId)).toEqual(['dear-2', 'dear-1', 'dear-0'])
    }
  })

  test('are counted where the request prefers it, by their filters and whatever the page', async () => {
    const counted = async (query: string, prefer: string) => {
      const { headers, ...answer } = await get(`/order-summary?${query}`, { prefer })
      return { applied: headers['preference-applied'], total: answer.json().page.total }
    }
    const exact = { applied: 'count=exact' }
    expect(await counted('customerId=c-1&limit=3', 'count=exact')).toEqual({ ...exact, total: 20 })
    const second = (await get('/order-summary?status=shipped&limit=7')).json().page.next
    expect(await counted(`status=shipped&limit=7&after=${second}`, 'count=exact')).toEqual({ ...exact, total: 30 })
    expect(await counted('status=shipped', 'handling=lenient')).toEqual({ applied: undefined, total: undefined })
    expect(await counted('status=shipped', 'count=roughly')).toEqual({ applied: undefined, total: undefined })
    await database.pool.query('analyze')
    const estimated = await counted('itemCount=1&itemCount=4', 'count=estimated')
    expect(estimated.applied).toBe('count=estimated')
    expect(Math.abs(estimated.total - 30)).toBeLessThan(10)
  })

  test('leave out a count that takes too long, and give the page', async () => {
    const reader = createReadPool(store, { max: 2, statementTimeoutMs: 200 })
    const query = reader.query.bind(reader) as (config: { text: string }) => Promise<unknown>
    const slow = (config: { text: string }) =>
      query(
        config.text.includes('count(*)')
          ? { ...config, text: config.text.replace('count(*)', 'count(*), pg_sleep(5)') }
          : config,
      )
    const hurried = createServer({
      ...{ store, aggregates: [], projections: [orderSummary] },
      readPool: Object.assign(reader, { query: slow as never }),
    })
    const answer = await hurried.inject({ url: '/v1/order-summary?limit=2', headers: { prefer: 'count=exact' } })
    expect(answer.statusCode).toBe(200)
    expect(answer.json().data).toHaveLength(2)
    expect(answer.json().page).not.toHaveProperty('total')
    expect(answer.headers['preference-applied']).toBeUndefined()
    await hurried.close()
    await reader.end()
  })

  test('refuse a cursor of another query, and one that was changed', async () => {
    const first = (await get('/order-summary?sort=total&limit=5')).json()
    const cursor: string = first.page.next
    expect((await get(`/order-summary?sort=total&limit=9&after=${cursor}`)).statusCode).toBe(200)
    const [body = '', signature = ''] = cursor.split('.')
    const other = Buffer.from(JSON.stringify(['0', 'o-000'])).toString('base64url')
    for (const query of [
      `sort=-total&after=${cursor}`,
      `sort=total&status=placed&after=${cursor}`,
      `sort=total&after=${other}.${signature}`,
      `sort=total&after=${body}.${signature.slice(1)}`,
      `sort=total&after=${body}`,
      'sort=total&after=',
      'after=%00',
      `sort=-total&before=${cursor}`,
      `sort=total&before=${body}`,
    ]) {
      const refused = await get(`/order-summary?${query}`)
      expect(refused.json()).toMatchObject({ status: 400, type: '/problems/invalid-cursor' })
    }
  })

  test.each([
    ['/order-summary?staus=placed', 'did you mean "status"?'],
    ['/order-summary?total.gt=1&totl.gte=1', 'did you mean "total.gte"?'],
    ['/order-summary?status.gte=placed', 'there is no parameter "status.gte"'],
    ['/order-summary?status=plced', 'did you mean "placed"?'],
    ['/order-summary?sort=totl', 'did you mean "total"?'],
    ['/order-summary?sort=items', 'cannot be sorted by "items"'],
    ['/order-summary?sort=total,-total', 'twice'],
    ['/order-summary?sort=total&sort=status', 'more than once'],
    ['/order-summary?fields=orderID', 'did you mean "orderId"?'],
    ['/order-summary?limit=201', '1 to 200'],
    ['/order-summary?limit=0', '1 to 200'],
    ['/order-summary?limit=1e1', '1 to 200'],
    ['/order-summary?total.gte=NaN', 'a number'],
    ['/order-summary?total.gte=1e400', 'a number'],
    ['/order-summary?itemCount=1.5', 'a whole number'],
    ['/order-summary?itemCount=99999999999999999999', 'a whole number'],
    ['/order-summary?big.gte=9223372036854775808', '64 bits'],
    ['/order-summary?large=yes', 'true or false'],
    ['/order-summary?placedAt.gte=yesterday', 'ISO 8601'],
    ['/order-summary?placedAt.gte=2026-02-30T12:00:00', 'ISO 8601'],
    ['/order-summary?placedAt.gte=0000-01-01', 'ISO 8601'],
    ['/order-summary?customerId=a%00b', 'without'],
    ['/order-summary?customerId=a&customerId=b', 'more than once'],
    ['/order-summary?before=x&after=y', 'a page has one place'],
    ['/order-summary?befor=x', 'did you mean "before"?'],
    ['/order-summary/o-001?asOf=yesterday', 'a position of the log, or an ISO 8601 date'],
    ['/order-summary/o-001?asOf=-1', 'a position of the log'],
    ['/order-summary/o-001/history?limit=201', '1 to 200'],
    ['/order-summary/o-001/history?after=x', 'the position page.next'],
    ['/order-summary/o-001/history?before=1', 'there is after, limit'],
    ['/order-summary/o-001/blame?fields=total', 'there is no parameter "fields"'],
    ['/order-summary/o-001?field=total', 'did you mean "fields"?'],
  ])('refuse %s and say what is right', async (url, detail) => {
    const refused = await get(url)
    expect(refused.json()).toMatchObject({ status: 400, type: '/problems/invalid-parameter' })
    expect(
      refused
        .json()
        .errors.map((fault: { detail: string }) => fault.detail)
        .join(),
    ).toContain(detail)
  })

  test('refuse more than 20 parameters, or 100 values of one', async () => {
    const many = Array.from({ length: 21 }, (_, index) => `p${index}=1`).join('&')
    expect((await get(`/order-summary?${many}`)).json().detail).toContain('at most 20')
    const values = Array.from({ length: 101 }, () => 'itemCount=1').join('&')
    expect((await get(`/order-summary?${values}`)).json().detail).toContain('at most 100')
  })

  test.each([
    ['GET', '/v1/order-sumary', 404, 'unknown-projection', 'did you mean "order-summary"?'],
    ['GET', '/v1/order-sumary/o-1', 404, 'unknown-projection', 'did you mean "order-summary"?'],
    ['GET', '/v1/order-summary/o-999', 404, 'row-not-found', '"o-999"'],
    ['GET', '/v1/order-summary/%00', 404, 'row-not-found', '\\u0000'],
    ['DELETE', '/v1/order-summary/o-001', 405, 'method-not-allowed', 'GET, HEAD'],
    ['PATCH', '/v1/order-summary', 405, 'method-not-allowed', 'GET, HEAD'],
  ] as const)('answer %s %s with %i %s', async (method, url, status, type, detail) => {
    const refused = await app.inject({ method, url })
    expect(refused.json()).toMatchObject({ status, type: `/problems/${type}`, detail: expect.stringContaining(detail) })
    expect(refused.statusCode).toBe(status)
  })

  test('are read on connections that cannot write', async () => {
    const readPool = createReadPool(store, { max: 1, statementTimeoutMs: 500 })
    try {
      await expect(readPool.query(`delete from tidemark_read.order_summary_v1_1`)).rejects.toMatchObject({
        code: '25006',
      })
      await expect(readPool.query('select pg_sleep(5)')).rejects.toMatchObject({ code: '57014' })
      expect((await readPool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    } finally {
      await readPool.end()
    }
  })

  test('end a query that takes too long', async () => {
    const hurried = createServer({ store, aggregates: [], projections: [orderSummary], statementTimeoutMs: 100 })
    const client = await database.pool.connect()
    try {
      await client.query('begin')
      await client.query('lock table tidemark_read.order_summary in access exclusive mode')
      const late = await hurried.inject({ url: '/v1/order-summary' })
      expect(late.statusCode).toBe(503)
      expect(late.headers['retry-after']).toBe('1')
      expect(late.json()).toMatchObject({ type: '/problems/query-timeout' })
    } finally {
      await client.query('rollback')
      client.release()
      await hurried.close()
    }
  })

  test('have an index for every filter and every sort, which gives pages in either direction', async () => {
    const [{ table_name: table }] = (
      await database.pool.query<{ table_name: string }>(
        `select table_name from tidemark.projections where name = 'order-summary' and status = 'live'`,
      )
    ).rows as [{ table_name: string }]
    const { rows } = await database.pool.query<{ indexdef: string }>(
      `select indexdef from pg_indexes where schemaname = 'tidemark_read' and tablename = $1`,
      [table],
    )
    const { filter = {}, sort = [] } = orderSummary.api
    for (const property of new Set([...Object.keys(filter), ...sort])) {
      const column = orderSummary.columns.find((each) => each.property === property)?.column
      expect(rows.map(({ indexdef }) => indexdef).join('\n')).toContain(`btree (${column}, order_id)`)
    }
    // No query sorts what an index has sorted already.
    const texts: string[] = []
    const reader = createReadPool(store, { max: 1, statementTimeoutMs: 2000 })
    const query = reader.query.bind(reader) as (...args: unknown[]) => Promise<unknown>
    const seen = createServer({
      ...{ store, aggregates: [], projections: [orderSummary] },
      readPool: Object.assign(reader, {
        query: (config: { text: string; values: unknown[] }) => {
          const values = config.values.map((value) => `'${String(value)}'`)
          texts.push(config.text.replaceAll(/\$(\d+)/g, (_all, index) => values[Number(index) - 1] ?? ''))
          return query(config)
        },
      }),
    })
    for (const property of ['placedAt', 'total', 'customerId'])
      for (const order of [property, `-${property}`]) {
        const first = (await seen.inject({ url: `/v1/order-summary?sort=${order}&limit=5` })).json().page
        const second = (
          await seen.inject({ url: `/v1/order-summary?sort=${order}&limit=5&after=${first.next}` })
        ).json()
        await seen.inject({ url: `/v1/order-summary?sort=${order}&limit=5&before=${second.page.next}` })
      }
    await seen.close()
    expect(texts).toHaveLength(18)
    const client = await database.pool.connect()
    try {
      await client.query(
        'begin; set local enable_seqscan = off; set local enable_sort = off; set local enable_incremental_sort = off',
      )
      for (const text of texts) {
        const plan = JSON.stringify((await client.query(`explain (format json) ${text}`)).rows)
        expect(plan, text).toContain('"Index')
        expect(plan, text).not.toContain('Sort Key')
        expect(plan, text).not.toContain('"Filter"')
      }
    } finally {
      await client.query('rollback')
      client.release()
    }
    await reader.end()
  })

  test('that no projector has started yet are a problem of the server, which says what to do', async () => {
    const columns = { ...orderSummary, name: 'not-started' }
    const early = createServer({ store, aggregates: [], projections: [columns] })
    const answer = await early.inject({ url: '/v1/not-started' })
    expect(answer.json()).toMatchObject({ status: 503, type: '/problems/projection-not-built' })
    expect(answer.body).not.toMatch(/relation|tidemark_read/)
    await early.close()
  })

  test('with a column that has the name of a query parameter are refused when the server starts', async () => {
    const sorted = defineProjection({
      name: 'sorted',
      version: 1,
      schema: z.object({ id: z.string(), sort: z.string() }),
      key: 'id',
      on: [Order, { OrderPlaced: (_row, { aggregateId }) => ({ id: aggregateId, sort: '' }) }],
    })
    for (const projections of [[sorted], [orderSummary, orderSummary]]) {
      const broken = createServer({ store, aggregates: [], projections })
      await expect(Promise.resolve(broken.ready())).rejects.toThrow(ApiConfigurationError)
      await broken.close()
    }
  })
})
