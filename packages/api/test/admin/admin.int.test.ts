import { createEventStore, type EventStore } from '@tidemark/eventstore'
import { createProjector, type Projector } from '@tidemark/projections'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createServer } from '../../src/index.js'
import { Order, orderSummary } from '../order.js'
import { useStoreDatabase } from '../store-database.js'
import { anOrder } from './an-order.js'
import { AdminClient, authentication, type Json } from './admin-server.js'
import { canary, Customer, customerRows, handlers } from './customer.js'

const reason = 'a test wants it'

describe('the admin API', () => {
  const database = useStoreDatabase()
  let store: EventStore
  let projector: Projector
  let app: FastifyInstance
  const admin = new AdminClient(() => app)
  const operator = admin.for('operator')
  const viewer = admin.for('viewer')
  let parkedAt: bigint

  beforeAll(async () => {
    store = createEventStore(database.pool)
    projector = createProjector(store, [orderSummary, customerRows], { watchIntervalMs: 50 })
    app = createServer({
      ...{ store, aggregates: [Order, Customer], projections: [orderSummary, customerRows], projector, authentication },
      admin: {
        operationPollMs: 50,
        consumers: [{ name: 'mails', group: 'mails', topics: ['orders'], types: ['OrderPlaced'] }],
      },
    })
    await app.ready()
    await projector.start()
    for (const id of ['a', 'b', 'c'])
      await store.execute(Order, id, 'place', anOrder(7, `customer of ${id}`), {
        correlationId: `about-${id}`,
        actor: 'ann',
      })
    await store.execute(Order, 'a', 'ship', { carrier: 'DHL' }, { correlationId: 'about-a' })
    const registered = { customerId: 'c-1', email: canary, city: 'Ghent' }
    await store.execute(Customer, 'c-1', 'register', registered)
    for (const page of ['home', 'bad', 'home']) await store.execute(Customer, 'c-1', 'visit', { page })
    const { position } = await store.head()
    await projector.waitFor('customer-rows', position, { timeoutMs: 20_000 })
    await projector.waitFor('order-summary', position, { timeoutMs: 20_000 })
    const events = await store.readStream('customer-c-1')
    parkedAt = events[2]!.position
  })
  afterAll(async () => {
    await app.close()
    await projector.stop()
    await store.close()
  })

  const audit = async () => (await admin.get('/audit?limit=200')).body.data as Json[]

  describe('shows', () => {
    test('whether all is well, and what is not', async () => {
      const { body } = await viewer.get('/overview')
      expect(body).toMatchObject({ healthy: false, projections: { count: 2, parkedEvents: 1, waitingEvents: 1 } })
      expect(body.problems).toEqual(['1 events failed in projections and are set aside'])
      expect(body.head.position).toBe(body.head.lastPosition)
    })

    test('streams, in pages, by category and by prefix', async () => {
      const first = (await viewer.get('/streams?category=order&limit=2')).body
      expect(first.data).toMatchObject([
        { streamId: 'order-a', version: '2', lastType: 'OrderShipped' },
        { streamId: 'order-b' },
      ])
      const second = (await viewer.get(`/streams?category=order&limit=2&after=${first.page.next}`)).body
      expect(second).toMatchObject({ data: [{ streamId: 'order-c' }], page: { next: null } })
      expect((await viewer.get('/streams?prefix=customer-c')).body.data).toMatchObject([{ streamId: 'customer-c-1' }])
      expect((await viewer.get('/streams?prefix=nothing')).body.data).toEqual([])
    })

    test('the events of a stream, both ways, in pages', async () => {
      const versions = (body: Json) => body.data.map(({ version }: Json) => version)
      const first = (await viewer.get('/streams/customer-c-1?limit=3')).body
      expect([versions(first), first.page.next, first.version]).toEqual([['1', '2', '3'], '4', '4'])
      const rest = (await viewer.get(`/streams/customer-c-1?limit=3&from=${first.page.next}`)).body
      expect([versions(rest), rest.page.next]).toEqual([['4'], null])
      const back = (await viewer.get('/streams/customer-c-1?direction=backwards&limit=3')).body
      expect([versions(back), back.page.next]).toEqual([['4', '3', '2'], '1'])
      const last = (await viewer.get(`/streams/customer-c-1?direction=backwards&limit=3&to=${back.page.next}`)).body
      expect([versions(last), last.page.next]).toEqual([['1'], null])
    })

    test('the state of a stream at a version, and what changed', async () => {
      const full = '&payloads=full'
      expect((await admin.get(`/streams/customer-c-1/state?version=2${full}`)).body.state).toEqual({
        ...{ name: 'redacted@example', city: 'Ghent', visits: 1 },
      })
      expect((await viewer.get('/streams/customer-c-1/state')).body).toMatchObject({
        ...{ version: '4', state: { name: '***', city: '***', visits: 0 } },
      })
      expect((await admin.get(`/streams/customer-c-1/diff?from=1&to=4${full}`)).body.changes).toEqual([
        { path: '/visits', change: 'changed', before: 0, after: 3 },
      ])
    })

    test('the state of a stream at a time, and what changed since', async () => {
      const [first, second] = await store.readStream('customer-c-1')
      const [before, then] = [new Date(0), first!.recordedAt].map((time) => time.toISOString())
      const versions = async (path: string) => (await viewer.get(`/streams/customer-c-1/${path}`)).body
      expect(await versions(`diff?from=${before}&to=1`)).toMatchObject({ from: '0', to: '1', payloads: 'masked' })
      // The clock has microseconds, so the time may be before the event that it was taken from.
      expect(await versions(`diff?from=${then}&to=2`)).toMatchObject({ from: expect.stringMatching(/^[01]$/), to: '2' })
      const later = new Date(second!.recordedAt.getTime() + 3_600_000).toISOString()
      expect(await versions(`state?version=${later}`)).toMatchObject({ version: '4', event: { payloads: 'masked' } })
      expect(await versions('diff?from=0&to=2')).toMatchObject({ from: '0', to: '2' })
    })

    test('events by actor and time', async () => {
      const [placed] = await store.readStream('order-b')
      const search = async (query: string) => {
        const { data, page } = (await viewer.get(`/events?direction=forwards&${query}`)).body
        expect(page.head).toBe(String((await store.head()).position))
        return data.map(({ streamId }: Json) => streamId)
      }
      expect(await search('actor=ann')).toEqual(['order-a', 'order-b', 'order-c'])
      const [from, until] = [placed!.recordedAt, new Date(placed!.recordedAt.getTime() + 1)]
      expect(await search(`category=order&since=${from.toISOString()}`)).toContain('order-b')
      expect(await search(`category=order&until=${until.toISOString()}`)).toContain('order-b')
      expect(await search(`since=${until.toISOString()}&until=${until.toISOString()}`)).toEqual([])
      expect(await search('until=2000-01-01T00:00:00%2B01:00')).toEqual([])
    })

    test('what the events of a stream led to, as far as a version', async () => {
      const traced = async (query: string) => (await viewer.get(`/streams/order-a/trace?${query}`)).body
      const whole = await traced('payloads=none')
      expect(whole).toMatchObject({
        events: [{ type: 'OrderPlaced', payloads: 'none' }, { type: 'OrderShipped' }],
        ...{ edges: [], searched: { from: '1', complete: true } },
      })
      expect(whole.outside).toEqual(['about-a'])
      const nobody = { type: 'Sent', data: {}, metadata: { causationId: whole.events[1].id } }
      await store.appendToStream('mail-n', [nobody], { expectedVersion: 'any' })
      expect((await traced('')).edges).toMatchObject([{ cause: whole.events[1].id }])
      const { events } = (await viewer.get(`/events/${whole.events[0].id}/trace?limit=1&window=1`)).body
      expect(events).toMatchObject([{ streamId: 'order-a', version: '1' }])
    })

    test('events by type, category, correlation and place', async () => {
      const typesOf = async (query: string) =>
        (await viewer.get(`/events?${query}`)).body.data.map(({ type }: Json) => type)
      expect(await typesOf('type=OrderShipped&type=Registered')).toEqual(['Registered', 'OrderShipped'])
      expect(await typesOf('category=order&direction=forwards&limit=1')).toEqual(['OrderPlaced'])
      expect(await typesOf('correlationId=about-a')).toEqual(['OrderShipped', 'OrderPlaced'])
      const seen: string[] = []
      for (let next: string | null = '0', query = ''; next !== null; query = `&after=${next}`) {
        const { body } = await viewer.get(`/events?direction=forwards&limit=3${query}`)
        seen.push(...body.data.map(({ position }: Json) => position))
        next = body.page.next
      }
      const head = (await store.head()).position
      expect(seen).toEqual(Array.from({ length: Number(head) }, (_, index) => String(index + 1)))
    })

    test('what led to an event, and what it led to', async () => {
      const [cause] = await store.readStream('order-b')
      const effect = await store.appendToStream(
        'mail-m',
        [{ type: 'Sent', data: {}, metadata: { causationId: cause!.id } }],
        {
          expectedVersion: 'any',
        },
      )
      const next = { type: 'Read', data: {}, metadata: { causationId: effect.events[0]!.id } }
      await store.appendToStream('mail-m', [next], { expectedVersion: 'any' })
      const { body } = await viewer.get(`/events/${effect.events[0]!.id}/trace`)
      expect(body.events.map(({ type }: Json) => type)).toEqual(['OrderPlaced', 'Sent', 'Read'])
      expect(body.edges).toMatchObject([
        { cause: cause!.id, effect: effect.events[0]!.id },
        { cause: effect.events[0]!.id },
      ])
      expect(body.searched.complete).toBe(true)
      expect((await viewer.get(`/events/${cause!.id}`)).body).toMatchObject({ type: 'OrderPlaced', actor: 'ann' })
    })

    test('who appends and who reads each type of event', async () => {
      const { data } = (await viewer.get('/event-types')).body
      expect(data.find(({ type }: Json) => type === 'OrderPlaced')).toMatchObject({
        ...{ category: 'order', projections: ['order-summary'], consumers: ['mails'], bridges: [] },
      })
      expect(data.find(({ type }: Json) => type === 'Registered').personal).toEqual(['email'])
    })

    test('projections, dead letters and schemas', async () => {
      expect((await viewer.get('/projections')).body.data).toMatchObject([
        { name: 'order-summary', kind: 'read-model', state: 'running', tables: [{ status: 'live' }] },
        { name: 'customer-rows' },
      ])
      expect((await viewer.get('/projections/customer-rows')).body.lag).toMatch(/^\d+$/)
      const first = (await viewer.get('/dead-letters?limit=1')).body
      expect(first.data).toMatchObject([{ status: 'failed', position: String(parkedAt), blocks: 1 }])
      const second = (await viewer.get(`/dead-letters?limit=1&after=${encodeURIComponent(first.page.next)}`)).body
      expect(second.data).toMatchObject([{ status: 'blocked', streamId: 'customer-c-1' }])
      expect((await viewer.get('/dead-letters/groups')).body.data).toMatchObject([{ failed: 1, blocked: 1 }])
      expect((await viewer.get(`/dead-letters/customer-rows/${parkedAt}`)).body.data).toHaveLength(1)
      expect((await viewer.get('/schemas')).body.data).toEqual([])
      expect((await viewer.get('/schemas/check')).body).toMatchObject({ compatible: true })
    })
  })

  describe('changes', () => {
    test('nothing without a reason, and nothing with dryRun, neither of which is audited', async () => {
      const before = (await audit()).length
      for (const body of [{}, { reason: '  ' }, { reason: 7 }]) {
        const refused = await operator.post('/projections/order-summary/pause', body)
        expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer: '/reason' }] } })
      }
      const planned: Record<string, object> = {
        '/projections/order-summary/pause': {},
        '/projections/order-summary/resume': {},
        '/projections/order-summary/rebuild': { promote: false },
        '/projections/order-summary/verify': { heal: true },
        '/dead-letters/customer-rows/retry': { all: true },
        '/dead-letters/customer-rows/skip': { positions: [Number(parkedAt)] },
        '/streams/order-a/truncate': { beforeVersion: 2 },
        '/subjects/c-1/forget': {},
      }
      for (const [path, body] of Object.entries(planned)) {
        const answer = await admin.post(path, { ...body, reason, dryRun: true })
        expect(answer, answer.text).toMatchObject({ status: 200, body: { dryRun: true, plan: expect.any(Object) } })
      }
      expect((await admin.post('/projections/order-summary/promote', { reason, dryRun: true })).status).toBe(409)
      expect((await admin.get('/operations')).body.data).toEqual([])
      expect((await audit()).length).toBe(before)
      expect((await viewer.get('/projections/order-summary')).body.state).toBe('running')
      expect(await store.readStream('order-a')).toHaveLength(2)
    })

    test('a projection by pause and resume, and says who, when and why', async () => {
      const headers = { 'x-correlation-id': 'ticket-7' }
      const paused = await operator.post('/projections/order-summary/pause', { reason }, headers)
      expect(paused).toMatchObject({ status: 200, body: { status: 'done', result: { changed: true } } })
      expect((await viewer.get('/projections/order-summary')).body).toMatchObject({
        stall: { reason: 'paused', why: reason },
      })
      expect((await operator.post('/projections/order-summary/resume', { reason })).body.result).toEqual({
        changed: true,
      })
      const entries = (await audit()).slice(0, 4)
      expect(entries.map(({ action, outcome }) => [action, outcome])).toEqual([
        ['projections.resume', 'done'],
        ['projections.resume', 'requested'],
        ['projections.pause', 'done'],
        ['projections.pause', 'requested'],
      ])
      expect(entries[3]).toMatchObject({
        ...{ actor: 'the operator', reason, target: 'order-summary', correlationId: 'ticket-7' },
        operationId: paused.body.id,
      })
    })

    test('that fail are audited as failed, and answered with a problem that names the operation', async () => {
      const refused = await operator.post('/projections/order-summary/promote', { reason })
      expect(refused).toMatchObject({
        status: 409,
        body: { type: '/problems/action-refused', code: 'PROJECTIONS_NO_SUCH_TABLE' },
      })
      expect((await audit())[0]).toMatchObject({
        ...{ outcome: 'failed', operationId: refused.body.operation, error: { code: 'PROJECTIONS_NO_SUCH_TABLE' } },
      })
    })

    test('a read model by rebuild, diff and promote, as operations', async () => {
      const rebuilt = await operator.post('/projections/order-summary/rebuild', { reason, promote: false })
      expect(rebuilt.status).toBe(202)
      expect(await operator.ended(rebuilt)).toMatchObject({ status: 'done', result: { rows: 3, promoted: false } })
      const compared = await operator.ended(await operator.post('/projections/order-summary/diff'))
      expect(compared).toMatchObject({ status: 'done', result: { unchanged: 3, changed: 0 } })
      expect((await operator.post('/projections/order-summary/promote', { reason })).body.status).toBe('done')
      expect((await operator.post('/projections/order-summary/rollback', { reason })).body.status).toBe('done')
      const verified = await operator.ended(await operator.post('/projections/order-summary/verify', { all: true }))
      expect(verified).toMatchObject({ status: 'done', result: { checked: 3, driftedRows: 0 } })
      const replayed = await operator.ended(await operator.post('/projections/order-summary/replay'))
      expect(replayed).toMatchObject({ status: 'done', result: { rowsWritten: 3 } })
      const actions = new Set((await audit()).map(({ action }) => action))
      expect(actions).not.toContain('projections.diff')
      const pages = (await viewer.get('/operations?limit=2&kind=projections.rebuild&status=done')).body
      expect(pages.data).toMatchObject([{ kind: 'projections.rebuild', requestedBy: 'the operator', reason }])
    })

    test('parked events by try, then retry', async () => {
      const tryIt = () => operator.post(`/dead-letters/customer-rows/${parkedAt}/try`)
      expect((await tryIt()).body).toMatchObject({ passes: false, alike: { tried: 1, passing: 0 } })
      const [group] = (await viewer.get('/dead-letters/groups?projection=customer-rows')).body.data
      const { fingerprint } = group
      const failed = await operator.ended(
        await operator.post('/dead-letters/customer-rows/retry', { reason, fingerprint }),
      )
      expect(failed).toMatchObject({ status: 'done', result: { failedStreams: 1, handled: 0 } })
      handlers.broken = false
      expect((await tryIt()).body).toMatchObject({
        passes: true,
        rows: [{ key: 'c-1', after: { id: '***', visits: 0 } }],
      })
      const retried = await operator.ended(
        await operator.post('/dead-letters/customer-rows/retry', { reason, fingerprint }),
      )
      expect(retried).toMatchObject({ status: 'done', result: { failedStreams: 0, handled: 2 } })
      expect((await viewer.get('/dead-letters')).body.data).toEqual([])
      expect((await tryIt()).body.type).toBe('/problems/parked-event-not-found')
    })

    test('a stream by truncating it, and a person by forgetting', async () => {
      const refused = await admin.post('/streams/order-a/truncate', { reason, beforeVersion: '2' })
      expect(refused).toMatchObject({ status: 409, body: { type: '/problems/action-refused' } })
      const done = await admin.post('/streams/order-a/truncate', { reason, beforeVersion: '2', withoutSnapshot: true })
      expect(done).toMatchObject({ status: 200, body: { status: 'done', result: { deletedEvents: '1' } } })
      expect((await viewer.get('/streams/order-a/state')).body.type).toBe('/problems/state-not-known')
      const forgotten = await admin.post('/subjects/c-1/forget', { reason })
      expect(forgotten.body).toMatchObject({ status: 'done', result: { streams: 1 } })
      expect((await store.load(Customer, 'c-1')).state.name).toBe('redacted@example')
      const ofAudit = await admin.post('/streams/tidemark.audit-log/truncate', { reason, beforeVersion: 2 })
      expect(ofAudit.body.type).toBe('/problems/action-refused')
    })
  })

  test('names the parameter and the nearest valid one, and knows what is unknown', async () => {
    const problems: readonly [string, number, object][] = [
      [
        '/streams?categry=order',
        400,
        { errors: [{ parameter: 'categry', detail: expect.stringContaining('"category"') }] },
      ],
      ['/streams?limit=900', 400, { errors: [{ parameter: 'limit' }] }],
      ['/streams?limit=1&limit=2', 400, { errors: [{ parameter: 'limit' }] }],
      [
        '/streams/order-b?direction=forward',
        400,
        { errors: [{ detail: expect.stringContaining('did you mean "forwards"') }] },
      ],
      ['/events?from=x', 400, { errors: [{ parameter: 'from' }] }],
      ['/streams/order-nobody', 404, { type: '/problems/unknown-stream' }],
      ['/streams/%00', 404, { type: '/problems/unknown-stream' }],
      ['/streams/order-b/state?version=9', 404, { type: '/problems/version-not-found' }],
      ['/streams/mail-m/state', 404, { type: '/problems/unknown-aggregate' }],
      ['/streams/order-b/state?version=0', 404, { type: '/problems/version-not-found' }],
      ['/streams/order-b/state?version=2000-01-01T00:00:00Z', 404, { type: '/problems/version-not-found' }],
      ['/streams/order-b/state?version=2000-13-01T00:00:00Z', 400, { errors: [{ parameter: 'version' }] }],
      ['/streams/order-nobody/trace', 404, { type: '/problems/unknown-stream' }],
      ['/events/nothing', 404, { type: '/problems/unknown-event' }],
      ['/projections/order-sumary', 404, { detail: expect.stringContaining('"order-summary"') }],
      ['/bridges/orders', 404, { type: '/problems/unknown-bridge' }],
      ['/operations/nothing', 404, { type: '/problems/unknown-operation' }],
      ['/dead-letters?after=x', 400, { errors: [{ parameter: 'after' }] }],
    ]
    for (const [path, status, body] of problems) expect(await viewer.get(path), path).toMatchObject({ status, body })
    const wrong = await operator.post('/projections/order-summary/rebuild', { reason, promot: true })
    expect(wrong).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/promot', detail: expect.stringContaining('"promote"') }] },
    })
    expect((await operator.post('/dead-letters/customer-rows/retry', { reason })).status).toBe(422)
    expect((await viewer.post('/streams')).status).toBe(405)
    const foreign = { origin: 'https://elsewhere.example' }
    expect((await operator.post('/projections/order-summary/pause', { reason }, foreign)).body.type).toBe(
      '/problems/cross-origin',
    )
  })

  test('answers whatever is sent without a fault of its own', async () => {
    const nasty = ['%00', '%ED%A0%80', "' or 1=1 --", '9'.repeat(40), '-1', 'x'.repeat(900)]
    const { paths } = app.swagger() as unknown as {
      paths: Record<string, Record<string, { parameters?: { name: string; in: string }[] }>>
    }
    let sent = 0
    for (const [path, methods] of Object.entries(paths)) {
      if (!path.startsWith('/admin/v1')) continue
      for (const [method, { parameters = [] }] of Object.entries(methods)) {
        for (const value of nasty) {
          const url = path
            .replace('/admin/v1', '')
            .replace(/\{\w+\}/g, encodeURIComponent(value).replaceAll('%25', '%'))
          const wrong =
            method === 'get'
              ? []
              : [{ [value]: value }, { reason: value.replace('%00', '\u0000\ud800'), keys: ['\u0000'] }, [value]]
          const named = parameters.filter((each) => each.in === 'query').map(({ name }) => `${url}?${name}=${value}`)
          const answers = await Promise.all([
            ...(method === 'get' ? [url, ...named].map((each) => admin.get(each)) : []),
            ...wrong.map((body) => admin.post(url, Array.isArray(body) ? body : { dryRun: true, ...body })),
          ])
          for (const { status, text } of answers) expect(status, `${method} ${url}: ${text}`).toBeLessThan(500)
          sent += answers.length
        }
      }
    }
    expect(sent).toBeGreaterThan(500)
  })

  test('lets each role do what it may and no more', async () => {
    const documented = app.swagger() as unknown as { paths: Record<string, Record<string, { description: string }>> }
    const routes = Object.entries(documented.paths)
      .filter(([path]) => path.startsWith('/admin/v1'))
      .flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, { description }]) => ({ path, method, description })),
      )
    expect(routes.length).toBeGreaterThan(35)
    const order = ['reader', 'viewer', 'operator', 'admin']
    for (const { path, method, description } of routes) {
      const needed = /role (\w+)/.exec(description)![1]!
      const url = path.replace('/admin/v1', '').replace(/\{\w+\}/g, 'x')
      const [ofAdmins, ofViewers] = [/truncate|forget|new-epoch/.test(path), !/doctor|database/.test(path)]
      expect(needed, path).toBe(ofAdmins ? 'admin' : method === 'get' && ofViewers ? 'viewer' : 'operator')
      const below = order[order.indexOf(needed) - 1]!
      for (const [who, status] of [
        ['nobody', 401],
        [below, 403],
        ['writer', 403],
      ] as const) {
        const client = admin.for(who)
        const answer = method === 'get' ? await client.get(url) : await client.post(url, { reason })
        expect(answer.status, `${who} ${path}`).toBe(status)
      }
    }
    expect((await viewer.get('/streams/order-b?payloads=limited')).status).toBe(403)
    expect((await operator.get('/streams/order-b?payloads=full')).status).toBe(403)
    expect((await admin.get('/streams/order-b?payloads=full')).body.data[0].data).toMatchObject({
      customerId: 'customer of b',
    })
    expect((await viewer.get('/streams/order-b')).body.data[0].data).toMatchObject({
      customerId: '***',
      total: 0,
      items: [{ sku: '***' }],
    })
    expect((await viewer.get('/streams/order-b?payloads=none')).body.data[0]).not.toHaveProperty('data')
  })

  test('never shows personal data, to nobody, nowhere', async () => {
    await store.execute(Customer, 'c-2', 'register', { customerId: 'c-2', email: canary, city: 'Lille' })
    handlers.broken = true
    const { position } = await store.execute(Customer, 'c-2', 'visit', { page: 'bad' })
    await projector.waitFor('customer-rows', position, { timeoutMs: 20_000 })
    // From the time before the field was declared personal.
    const inClear = { type: 'Registered', data: { customerId: 'c-0', email: canary, city: 'Lyon' } }
    await store.appendToStream('customer-c-0', [inClear], { expectedVersion: 0 })
    expect((await admin.get('/streams/customer-c-0?payloads=full')).body.data[0]).toMatchObject({
      data: { city: 'Lyon' },
    })
    expect((await admin.get('/streams/customer-c-0/state?payloads=full')).body.state.city).toBe('Lyon')
    const [event] = await store.readStream('customer-c-2')
    const reads = [
      ...['/streams/customer-c-2', '/streams/customer-c-2/state', '/streams/customer-c-2/diff?from=1', '/events'],
      ...[`/events/${event!.id}`, `/events/${event!.id}/trace`, '/dead-letters', '/dead-letters/groups'],
      ...[
        '/projections',
        '/projections/customer-rows',
        `/dead-letters/customer-rows/${position}`,
        '/operations',
        '/audit',
      ],
    ]
    const modal = /^\/(streams\/|events)/
    for (const mode of ['none', 'masked', 'limited', 'full'])
      for (const path of reads)
        expect(
          (await admin.get(modal.test(path) ? `${path}${path.includes('?') ? '&' : '?'}payloads=${mode}` : path))
            .status,
        ).toBe(200)
    const tried = await admin.post(`/dead-letters/customer-rows/${position}/try?payloads=full`)
    expect(tried.body.passes).toBe(false)
    handlers.broken = false
    const passed = await admin.post(`/dead-letters/customer-rows/${position}/try?payloads=full`)
    expect(passed.body).toMatchObject({ passes: true, rows: [{ after: { email: '***' } }] })
    handlers.broken = true
    const body = { reason, all: true }
    expect((await admin.ended(await admin.post('/dead-letters/customer-rows/retry', body))).result.failedStreams).toBe(
      1,
    )
    const { table } = (await admin.get('/projections/customer-rows')).body
    await database.pool.query(`update tidemark_read."${table}" set visits = 99 where id = 'c-1'`)
    const failed = await admin.ended(await admin.post('/projections/customer-rows/verify', { all: true, reason }))
    expect(failed).toMatchObject({ status: 'failed', error: { code: 'PROJECTIONS_HANDLER_FAILED' } })
    handlers.broken = false
    const verified = await admin.ended(await admin.post('/projections/customer-rows/verify', { all: true, reason }))
    expect(verified).toMatchObject({ status: 'done', result: { driftedRows: 1, drifted: [{ key: 'c-1' }] } })
    await admin.ended(await admin.post('/projections/customer-rows/rebuild', { promote: false, reason }))
    const compared = await admin.ended(await admin.post('/projections/customer-rows/diff', { reason }))
    expect(compared).toMatchObject({
      status: 'done',
      result: { changed: 2, sample: [{ key: 'c-1', columns: ['email', 'visits'] }, { key: 'c-2' }] },
    })
    await store.appendToStream('customer-c-0', [{ type: 'FromNewerCode', data: {} }], { expectedVersion: 1 })
    expect((await admin.get('/streams/customer-c-0/state')).body.type).toBe('/problems/state-not-known')
    const { rows } = await database.pool.query<{ text: string }>(
      `select to_json(o)::text as text from tidemark.operations o`,
    )
    for (const text of [...admin.bodies, ...rows.map((row) => row.text)]) expect(text).not.toContain(canary)
    expect(admin.bodies.length).toBeGreaterThan(100)
  })
})
