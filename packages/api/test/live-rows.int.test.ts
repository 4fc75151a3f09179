import {
  createEventStore,
  listCheckpoints,
  pauseCheckpoints,
  resumeCheckpoints,
  type EventStore,
} from '@tidemark/eventstore'
import {
  createProjector,
  defineProjection,
  inlineProjections,
  pauseProjection,
  rebuildProjection,
  resumeProjection,
  retryParked,
  rollbackProjection,
  verifyProjection,
  type Projection,
  type Projector,
} from '@tidemark/projections'
import type { FastifyInstance } from 'fastify'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createServer, type ServerOptions } from '../src/index.js'
import { EventStream } from './event-stream.js'
import { code, Item, removed, shelves, stock, stored } from './stock.js'
import { useStoreDatabase } from './store-database.js'

describe('live rows', () => {
  const database = useStoreDatabase({ max: 20 })
  let store: EventStore
  let projectors: Projector[]
  let app: FastifyInstance
  let base: string
  const streams: EventStream[] = []
  const apps: FastifyInstance[] = []
  beforeAll(async () => {
    store = createEventStore(database.pool)
    // Two processes share the shards out.
    projectors = [1, 2].map(() => createProjector(store, [stock, shelves], { watchIntervalMs: 50, leaseMs: 1500 }))
    for (const projector of projectors) await projector.start()
    ;({ app, base } = await serve())
    apps.splice(0)
  })
  afterEach(async () => {
    for (const stream of streams.splice(0)) stream.close()
    await Promise.all(apps.splice(0).map((each) => each.close()))
  })
  afterAll(async () => {
    await app.close()
    await Promise.all(projectors.map((projector) => projector.stop()))
    await store.close()
  })

  async function serve(options: Partial<ServerOptions> = {}): Promise<{ app: FastifyInstance; base: string }> {
    const served = createServer({ store, aggregates: [Item], projections: [stock, shelves], ...options })
    apps.push(served)
    return { app: served, base: `${await served.listen({ port: 0, host: '127.0.0.1' })}/v1` }
  }
  async function watch(path: string, headers: Record<string, string> = {}, at = base): Promise<EventStream> {
    const stream = await EventStream.open(`${at}${path}`, headers)
    expect(stream.response.statusCode).toBe(200)
    streams.push(stream)
    return stream
  }
  const resume = (stream: EventStream, path: string, at = base) => watch(path, { 'last-event-id': stream.lastId }, at)
  const put = async (item: string, ...events: readonly (ReturnType<typeof stored> | typeof removed)[]) =>
    (await store.append(Item, item, events, { expectedVersion: 'any' })).position
  const eventually = (check: () => unknown) => expect.poll(check, { timeout: 15_000, interval: 20 })
  const last = (stream: EventStream) => stream.events.at(-1)
  const begun = (stream: EventStream) => eventually(() => stream.of('reset').length).toBe(1)
  const reached = async (projection: Projection) => {
    const { position } = await store.head()
    expect(await projectors[0]!.waitFor(projection.name, position, { timeoutMs: 15_000 })).toBe('reached')
  }

  test('tell of rows that are made, changed and taken away, each with its position', async () => {
    const stream = await watch('/stock?fields=shelf,item')
    expect(stream.response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
    })
    await begun(stream)
    expect(stream.events[0]).toMatchObject({ event: 'reset', data: { reason: 'start' } })
    const position = await put('i-1', stored('a'))
    await eventually(() => last(stream)).toMatchObject({ event: 'row', data: { item: 'i-1', shelf: 'a' } })
    expect(Object.keys(last(stream)!.data)).toEqual(['item', 'shelf'])
    expect(last(stream)!.id).toMatch(new RegExp(`^${position}-`))
    await put('i-1', stored('b'))
    await eventually(() => last(stream)).toMatchObject({ event: 'row', data: { shelf: 'b' } })
    await put('i-1', removed)
    await eventually(() => last(stream)).toMatchObject({ event: 'delete', data: { key: 'i-1' } })
  })

  test('of a list are those that meet its filters: one that leaves them is taken away', async () => {
    const stream = await watch('/stock?shelf=a&shelf=c&amount.gte=5&sort=-amount&limit=3')
    await begun(stream)
    await put('f-1', stored('a', 5))
    await eventually(() => last(stream)).toMatchObject({ event: 'row', data: { item: 'f-1' } })
    await put('f-1', stored('a', 4.5))
    await eventually(() => last(stream)).toMatchObject({ event: 'delete', data: { key: 'f-1' } })
    await put('f-1', stored('c', 50))
    await eventually(() => last(stream)).toMatchObject({ event: 'row', data: { shelf: 'c' } })
    await put('f-1', stored('b', 50))
    await eventually(() => last(stream)).toMatchObject({ event: 'delete', data: { key: 'f-1' } })
  })

  test('of one key begin with the row as it is, or say that there is none', async () => {
    await put('one', stored('a', 1))
    await reached(stock)
    const [one, none] = [await watch('/stock/one'), await watch('/stock/none?fields=item')]
    await eventually(() => one.events.map(({ event }) => event)).toEqual(['reset', 'row'])
    expect(last(one)!.data).toMatchObject({ item: 'one', amount: 1, changes: 1 })
    await eventually(() => last(none)).toMatchObject({ event: 'delete', data: { key: 'none' } })
    await put('none', stored('z', 3))
    await eventually(() => last(none)).toMatchObject({ event: 'row', data: { item: 'none' } })
    await put('one', removed)
    await eventually(() => last(one)).toMatchObject({ event: 'delete', data: { key: 'one' } })
    expect(one.events).toHaveLength(3)
  })

  test('go on where a client was, in another process too, with what changed meanwhile and nothing else', async () => {
    const before = await watch('/stock?fields=item')
    await begun(before)
    await put('r-1', stored('a'))
    await eventually(() => last(before)?.data).toEqual({ item: 'r-1' })
    before.close()
    await put('r-2', stored('a'))
    await put('r-3', stored('a'), removed)
    await put('r-2', stored('b'))
    await reached(stock)
    const other = await serve()
    for (const at of [base, other.base]) {
      const after = await resume(before, '/stock?fields=item', at)
      await eventually(() => after.events.map(({ event, data }) => [event, data])).toEqual([
        ['delete', { key: 'r-3' }],
        ['row', { item: 'r-2' }],
      ])
    }
    const one = await resume(before, '/stock/r-3', other.base)
    await eventually(() => one.events.map(({ event }) => event)).toEqual(['delete'])
  })

  test.each(['', 'x', '17', '0-000000000000', '99999999999999999999-0123456789ab'])(
    'begin anew for a client that was nowhere here, at %j',
    async (id) => {
      const stream = await watch('/stock', { 'last-event-id': id })
      await eventually(() => stream.events.map(({ event }) => event)).toEqual(['reset'])
    },
  )

  test('begin anew for a client that is too far behind', async () => {
    const stream = await watch('/stock')
    await begun(stream)
    await put('far', stored('a'))
    await eventually(() => last(stream)?.event).toBe('row')
    stream.close()
    // As after so many events of others.
    await database.pool.query(`select setval(pg_get_serial_sequence('tidemark.events', 'position'),
      (select last_value + 20000 from tidemark.events_position_seq))`)
    await put('farther', stored('a'))
    await reached(stock)
    const after = await resume(stream, '/stock')
    await eventually(() => after.events.map(({ data }) => data)).toEqual([{ reason: 'too-far-behind' }])
  })

  test('begin anew when another table is switched in, and when rows are written otherwise than by events', async () => {
    const stream = await watch('/stock?fields=item')
    await begun(stream)
    await put('parked', stored('a', 13))
    await put('plain', stored('a'))
    await eventually(() => last(stream)?.data).toEqual({ item: 'plain' })
    const replaced = (times: number) =>
      eventually(() => stream.of('reset').filter(({ data }) => data['reason'] === 'rows-replaced').length).toBe(times)
    code.takesThirteen = true
    await retryParked(store, stock)
    await replaced(1)
    await database.pool.query(`update tidemark_read.stock set amount = 99 where item = 'plain'`)
    await verifyProjection(store, stock, { heal: true })
    await replaced(2)
    const stale = stream.lastId
    await rebuildProjection(store, stock)
    await replaced(3)
    await put('after-promote', stored('a'))
    await eventually(() => last(stream)?.data).toEqual({ item: 'after-promote' })
    const late = await watch('/stock', { 'last-event-id': stale })
    await eventually(() => late.events[0]?.data).toEqual({ reason: 'rows-replaced' })
    await rollbackProjection(store, stock)
    await replaced(4)
    await put('after-rollback', stored('a'))
    await eventually(() => last(stream)?.data).toEqual({ item: 'after-rollback' })
  })

  test('miss no change of a shard that is behind the others', async () => {
    const stream = await watch('/stock?shelf=h')
    await begun(stream)
    const { rows } = await database.pool.query<{ name: string }>(
      `select c.name from tidemark.projections p, tidemark.checkpoints c
        where p.name = 'stock' and p.status = 'live' and c.name in (select tidemark.shard_checkpoints(p.table_name, p.shards)) order by 1`,
    )
    const [held, ...others] = rows.map(({ name }) => name)
    expect(others).toHaveLength(2)
    await pauseCheckpoints(store.database, [held!], 'a test')
    const items = Array.from({ length: 12 }, (_, index) => `h-${index}`)
    for (const item of items) await put(item, stored('h'))
    const { position } = await store.head()
    const othersAt = async () =>
      (await listCheckpoints(store.database)).filter(({ name }) => others.includes(name)).map((each) => each.position)
    await eventually(othersAt).toEqual([position, position])
    // Long enough for who follows the furthest shard to have passed what the held one lacks.
    await new Promise((resolve) => setTimeout(resolve, 300))
    await resumeCheckpoints(store.database, [held!])
    await eventually(() => new Set(stream.of('row').map(({ data }) => data['item']))).toEqual(new Set(items))
  })

  test('miss no change of several writers and shards, whatever comes between, for clients that come and go', async () => {
    const paths = { stock: '/stock', shelves: '/shelves' } as const
    const clients = await Promise.all(
      Object.values(paths).flatMap((path) =>
        [0, 1, 2].map(async (index) => ({
          path,
          leaves: index > 0,
          rows: new Map<string, unknown>(),
          stream: await watch(path),
        })),
      ),
    )
    for (const { stream } of clients) await begun(stream)
    const take = (client: (typeof clients)[number]) => {
      for (const { event, data } of client.stream.events.splice(0)) {
        const key = String(data['key'] ?? data[client.path === '/stock' ? 'item' : 'shelf'])
        if (event === 'row') client.rows.set(key, data)
        else if (event === 'delete') client.rows.delete(key)
      }
    }
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let index = 0; index < 60; index++) {
        const item = `w-${writer % 3}-${index % 17}`
        await put(item, index % 7 === 6 ? removed : stored(`s-${index % 5}+t-${writer}`, index))
      }
    })
    let done = false
    const writing = Promise.all(writers).then(() => (done = true))
    while (!done) {
      for (const client of clients.filter(({ leaves }) => leaves)) {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 40))
        client.stream.close()
        take(client)
        const { lastId } = client.stream
        client.stream = await watch(client.path, { 'last-event-id': lastId })
      }
    }
    await writing
    for (const [name, path] of Object.entries(paths)) {
      await reached(name === 'stock' ? stock : shelves)
      const condition = name === 'stock' ? `item like 'w-%'` : 'true'
      const { rows } = await database.pool.query<Record<string, string>>(
        `select * from tidemark_read.${name} where ${condition} order by 1`,
      )
      expect(rows.length).toBeGreaterThan(10)
      const truth = rows.map(({ item, shelf, amount, changes, stored: count }) =>
        name === 'stock' ? [item, shelf, Number(amount), Number(changes)] : [shelf, Number(count)],
      )
      for (const client of clients.filter((each) => each.path === path))
        await eventually(() => {
          take(client)
          const known = [...client.rows.entries()].filter(([key]) => name !== 'stock' || key.startsWith('w-'))
          return known
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([, row]) => row as Record<string, string>)
            .map(({ item, shelf, amount, changes, stored: count }) =>
              name === 'stock' ? [item, shelf, amount, changes] : [shelf, count],
            )
        }).toEqual(name === 'stock' ? truth : truth.filter(([shelf]) => clientsKnow(client.rows, String(shelf))))
    }
  })
  /** Rows that did not change since a client came are none that it was told of. */
  const clientsKnow = (rows: ReadonlyMap<string, unknown>, shelf: string) => /^[st]-\d$/.test(shelf) || rows.has(shelf)

  test('are told of a read model that appends keep, and of its row the version', async () => {
    const kept = defineProjection({
      ...{ name: 'kept-stock', version: 1, key: 'item' },
      schema: z.object({ item: z.string(), shelf: z.string() }),
      on: [Item, { Stored: (_row, { aggregateId, data }) => ({ item: aggregateId, shelf: data.shelf }) }],
    })
    const inline = createEventStore(database.pool, { inline: inlineProjections([kept]) })
    try {
      await inline.prepare()
      const { app: keptApp, base: at } = await serve({ store: inline, projections: [kept] })
      const stream = await watch('/kept-stock', {}, at)
      await begun(stream)
      for (const shelf of ['a', 'b']) {
        await inline.append(Item, 'kept', [stored(shelf)], { expectedVersion: 'any' })
        await eventually(() => last(stream)?.data).toEqual({ item: 'kept', shelf })
      }
      const answer = await keptApp.inject('/v1/kept-stock/kept')
      expect(answer.headers['tidemark-stream-version']).toBe('2')
      await keptApp.close()
      apps.splice(apps.indexOf(keptApp), 1)
    } finally {
      await inline.close()
    }
  })

  test('say how far the projection is behind while it is, and that it is no longer', async () => {
    const stream = await watch('/shelves')
    await begun(stream)
    await pauseProjection(store, shelves, 'a test')
    await put('lag', stored('lagging'))
    await eventually(() => Number(stream.of('lag').at(-1)?.data['lag'])).toBeGreaterThan(0)
    await resumeProjection(store, shelves)
    await eventually(() => stream.of('lag').at(-1)?.data).toEqual({ lag: '0' })
    expect(stream.of('row')).toHaveLength(1)
  })

  test('beat while nothing changes, and tell where they are by it', async () => {
    const { base: at } = await serve({ live: { heartbeatMs: 40 } })
    const stream = await watch('/stock?shelf=nowhere', {}, at)
    await begun(stream)
    const position = await put('beat', stored('a'))
    await eventually(() => stream.lastId.startsWith(`${position}-`)).toBe(true)
    const before = stream.comments
    await eventually(() => stream.comments).toBeGreaterThan(before + 2)
    const after = await resume(stream, '/stock?shelf=nowhere', at)
    await eventually(() => after.comments).toBeGreaterThan(2)
    expect(after.events).toEqual([])
  })

  test('end after a time, and who may read no longer does not come back', async () => {
    let may = true
    const { base: at } = await serve({
      authentication: () => (may ? { subject: 'ada', roles: ['reader'] as const } : undefined),
      live: { heartbeatMs: 40, maxStreamMs: 300 },
    })
    const stream = await watch('/stock?shelf=nowhere', {}, at)
    await begun(stream)
    await eventually(() => stream.ended).toBe(true)
    expect(stream.comments).toBeGreaterThan(1)
    const after = await resume(stream, '/stock?shelf=nowhere', at)
    await eventually(() => after.ended).toBe(true)
    expect(after.events).toEqual([])
    may = false
    expect((await EventStream.open(`${at}/stock`)).response.statusCode).toBe(401)
  })

  test('are bounded in number, for all and for each caller', async () => {
    const { base: few } = await serve({ live: { maxStreams: 2 } })
    const first = await watch('/stock', {}, few)
    await watch('/shelves/x', {}, few)
    const refused = await fetch(`${few}/stock`, { headers: { accept: 'text/event-stream' } })
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toBe('5')
    expect(await refused.json()).toMatchObject({ type: '/problems/overloaded' })
    // One that leaves makes room.
    first.close()
    await eventually(async () => (await EventStream.open(`${few}/stock`)).response.statusCode).toBe(200)
    const authentication = () => ({ subject: 'ada', roles: ['reader'] as const })
    const { base: own } = await serve({ authentication, live: { maxStreamsPerCaller: 1 } })
    await watch('/stock', {}, own)
    const second = await fetch(`${own}/stock`, { headers: { accept: 'text/event-stream' } })
    expect([second.status, await second.json()]).toMatchObject([503, { detail: expect.stringContaining('you have 1') }])
  })

  const socketsOf = ({ server }: FastifyInstance) => {
    const sockets = new Set<Socket>()
    server.on('connection', (socket: Socket) => sockets.add(socket))
    return sockets
  }
  /** A client that asks for live rows, and never reads what it is sent. */
  async function sleeper(at: string): Promise<Socket> {
    const socket = connect(Number(new URL(at).port), '127.0.0.1')
    await new Promise((resolve) => socket.once('connect', resolve))
    socket.on('error', () => undefined)
    socket.pause()
    socket.write('GET /v1/stock HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n')
    return socket
  }
  let bigItems = 0
  /** Changes ten rows of 100 KB each; gives their keys. */
  const putTenBig = async () => {
    const items = Array.from({ length: 10 }, () => `big-${bigItems++}`)
    await Promise.all(items.map((item) => put(item, stored('big', 1, 'x'.repeat(100_000)))))
    return items
  }

  test('take bounded memory of clients that do not read, and the others get everything', async () => {
    const { app: served, base: at } = await serve()
    const sockets = socketsOf(served)
    const asleep = await Promise.all(Array.from({ length: 20 }, () => sleeper(at)))
    await eventually(() => sockets.size).toBe(20)
    const reader = await watch('/stock?fields=item,amount', {}, at)
    await begun(reader)
    const putTen = async () => {
      const added = await putTenBig()
      await eventually(() => added.every((item) => reader.events.some(({ data }) => data['item'] === item))).toBe(true)
      return [...sockets].map((socket) => socket.writableLength)
    }
    // What the kernel holds for both ends of a connection is some megabytes.
    while ((await putTen()).filter((bytes) => bytes > 0).length < asleep.length) expect(bigItems).toBeLessThan(1000)
    for (let round = 0; round < 5; round++) await putTen()
    // One row is past what is told at once, and is in chunks of its own in the answer.
    expect(Math.max(...(await putTen()))).toBeLessThan(300_000)
    // They do not hold up the end either.
    const started = performance.now()
    await served.close()
    apps.splice(apps.indexOf(served), 1)
    expect(performance.now() - started).toBeLessThan(5000)
    await eventually(() => reader.ended).toBe(true)
    for (const socket of asleep) socket.destroy()
  })

  test('end for a client that has not read for two heartbeats', async () => {
    const { app: served, base: at } = await serve({ live: { heartbeatMs: 100 } })
    const sockets = socketsOf(served)
    const asleep = await sleeper(at)
    await eventually(() => sockets.size).toBe(1)
    const [socket] = sockets
    while (!socket!.destroyed) {
      expect(bigItems).toBeLessThan(2000)
      await putTenBig()
    }
    asleep.destroy()
  })

  test('of what cannot be watched are refused before they begin', async () => {
    const ask = (path: string, accept = 'text/event-stream') => fetch(`${base}${path}`, { headers: { accept } })
    for (const [path, status, type] of [
      ['/stok', 404, 'unknown-projection'],
      ['/stock?shelv=a', 400, 'invalid-parameter'],
      ['/stock/one?asOf=5', 400, 'invalid-parameter'],
    ] as const) {
      const refused = await ask(path)
      expect([refused.status, await refused.json()]).toMatchObject([status, { type: `/problems/${type}` }])
    }
    const { page } = (await (await ask('/stock?limit=1', 'application/json')).json()) as { page: { next: string } }
    expect((await ask(`/stock?after=${page.next}`)).status).toBe(400)
    for (const accept of [
      '*/*',
      'application/json',
      'application/json, text/event-stream;q=0.5',
      'text/event-stream;q=0',
    ])
      expect((await ask('/stock?limit=1', accept)).headers.get('content-type')).toContain('application/json')
    expect(
      (await app.inject({ method: 'HEAD', url: '/v1/stock', headers: { accept: 'text/event-stream' } })).statusCode,
    ).toBe(200)
    const early = { ...stock, name: 'not-started' }
    const { base: at } = await serve({ projections: [early] })
    const unbuilt = await fetch(`${at}/not-started`, { headers: { accept: 'text/event-stream' } })
    expect([unbuilt.status, await unbuilt.json()]).toMatchObject([503, { type: '/problems/projection-not-built' }])
  })
})
