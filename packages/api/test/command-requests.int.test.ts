import {
  createEventStore,
  defineAggregate,
  event,
  OverloadedError,
  reject,
  type EventStore,
} from '@tidemark/eventstore'
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createServer, type ServerOptions } from '../src/index.js'
import { Order, orderOf } from './order.js'
import { useStoreDatabase } from './store-database.js'

/** Takes numbers up to a limit, in the order in which they come. */
const Tally = defineAggregate({
  name: 'tally',
  initialState: () => ({ numbers: [] as number[] }),
  events: { Added: event(z.object({ number: z.int() })) },
  evolve: { Added: ({ numbers }, { data }) => ({ numbers: [...numbers, data.number] }) },
  commands: (command) => ({
    add: command(z.object({ number: z.int() }), ({ numbers }, data) =>
      numbers.length < 50 ? { type: 'Added', data } : reject('full', 'the tally is full'),
    ),
  }),
})

describe('commands that are remembered', () => {
  const database = useStoreDatabase()
  let store: EventStore
  const servers: FastifyInstance[] = []
  beforeAll(() => {
    store = createEventStore(database.pool)
  })
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()))
    await database.pool.query('truncate tidemark.command_requests')
  })
  afterAll(() => store.close())
  const create = (options: Partial<ServerOptions> = {}) => {
    const app = createServer({ store, aggregates: [Order, Tally], projections: [], ...options })
    servers.push(app)
    return app
  }
  const post = (app: FastifyInstance, url: string, payload: object, headers: Record<string, string> = {}) =>
    app.inject({ method: 'POST', url, payload, headers } as InjectOptions)
  const withKey = (key: string) => ({ 'idempotency-key': key })
  const parts = ({ statusCode, headers, body }: LightMyRequestResponse) => ({
    ...{ statusCode, body, etag: headers['etag'], token: headers['consistency-token'] },
    correlation: headers['x-correlation-id'],
  })
  const type = (answer: LightMyRequestResponse) => answer.json<{ type?: string }>().type
  /** The store, with something done around each execution. */
  const storeWith = (execute: (real: () => ReturnType<EventStore['execute']>) => Promise<unknown>) =>
    Object.create(store, {
      execute: { value: (...args: Parameters<EventStore['execute']>) => execute(() => store.execute(...args)) },
    }) as EventStore

  test('give the first outcome again, whatever was done since', async () => {
    const app = create()
    const [place, ship] = [withKey('place it'), withKey('ship it')]
    const early = await post(app, '/v1/order/r-1/ship', {}, ship)
    expect(early.statusCode).toBe(409)
    const first = await post(app, '/v1/order/r-1/place', orderOf(1), place)
    expect(first.statusCode).toBe(201)
    await post(app, '/v1/order/r-1/ship', {})
    expect(parts(await post(app, '/v1/order/r-1/place', orderOf(1), place))).toEqual(parts(first))
    // The order could be shipped by now: what was rejected stays so under its key.
    const again = await post(app, '/v1/order/r-1/ship', {}, ship)
    expect({ ...again.json(), traceId: '' }).toEqual({ ...early.json(), traceId: '' })
    expect(again.json()).toMatchObject({ type: '/problems/command-rejected', code: 'order-not-placed' })
    // A command that did nothing leaves nothing in the log that tells of it.
    const idle = await post(app, '/v1/order/r-1/ship', {}, withKey('ship again'))
    await post(app, '/v1/tally/r-1/add', { number: 1 })
    expect(parts(await post(app, '/v1/order/r-1/ship', {}, withKey('ship again')))).toEqual(parts(idle))
    const state = await post(app, '/v1/order/r-1/place', orderOf(1), { ...place, prefer: 'return=representation' })
    expect(state.json()).toEqual({ ...first.json(), state: { status: 'placed', total: 1 } })
  })

  test('with another body or command are refused with 422', async () => {
    const app = create()
    const key = withKey(randomUUID())
    await post(app, '/v1/order/b-1/place', orderOf(1), key)
    for (const [url, body] of [
      ['/v1/order/b-1/place', orderOf(2)],
      ['/v1/order/b-1/ship', orderOf(1)],
      ['/v1/order/b-2/place', orderOf(1)],
    ] as const) {
      const refused = await post(app, url, body, key)
      expect([refused.statusCode, type(refused)]).toEqual([422, '/problems/idempotency-key-reused'])
    }
    expect(await store.readStream('order-b-1')).toHaveLength(1)
    expect(await store.readStream('order-b-2')).toEqual([])
  })

  test('that were wrong, or failed by our fault, are not kept', async () => {
    const key = withKey('again')
    const app = create()
    expect((await post(app, '/v1/order/w-1/place', {}, key)).statusCode).toBe(422)
    expect((await post(app, '/v1/order/w-1/place', orderOf(1), { ...key, 'if-match': '"3"' })).statusCode).toBe(412)
    const failing = create({ store: storeWith(() => Promise.reject(new Error('a bug'))) })
    expect((await post(failing, '/v1/order/w-1/place', orderOf(1), key)).statusCode).toBe(500)
    expect((await post(app, '/v1/order/w-1/place', orderOf(1), key)).statusCode).toBe(201)
  })

  test('are answered with 409 while they are being executed', async () => {
    let goOn: () => void = () => undefined
    const started = new Promise<void>((resolveStarted) => {
      const held = new Promise<void>((resolve) => (goOn = resolve))
      const app = create({
        store: storeWith(async (real) => {
          resolveStarted()
          await held
          return real()
        }),
      })
      void app.inject('/health/live')
      servers.push(app)
    })
    const slow = post(servers.at(-1)!, '/v1/order/f-1/place', orderOf(1), withKey('k'))
    await started
    const app = create()
    const meanwhile = await post(app, '/v1/order/f-1/place', orderOf(1), withKey('k'))
    expect([meanwhile.statusCode, type(meanwhile)]).toEqual([409, '/problems/idempotency-key-in-use'])
    expect(meanwhile.headers['retry-after']).toBe('1')
    goOn()
    const first = await slow
    expect(parts(await post(app, '/v1/order/f-1/place', orderOf(1), withKey('k')))).toEqual(parts(first))
  })

  test('twenty times at once are executed once', async () => {
    const apps = [create(), create()]
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        post(apps[index % 2]!, '/v1/tally/t-1/add', { number: 1 }, withKey('once')),
      ),
    )
    const codes = new Set(answers.map(({ statusCode }) => statusCode))
    expect([...codes].every((code) => [201, 409].includes(code))).toBe(true)
    expect(codes).toContain(201)
    expect(await store.readStream('tally-t-1')).toHaveLength(1)
  })

  test.each([
    ['before the append', () => new Promise<never>(() => undefined)],
    ['after the append', (real: () => Promise<unknown>) => real().then(() => new Promise<never>(() => undefined))],
  ])('of a process that died %s are executed once in all', async (when, die) => {
    const url = `/v1/tally/d-${when.replaceAll(' ', '-')}/add`
    const dying = create({ store: storeWith(die), commandLeaseMs: 100 })
    void post(dying, url, { number: 1 }, withKey('k')).catch(() => undefined)
    const app = create()
    await expect.poll(async () => (await countRequests()) > 0).toBe(true)
    await expect
      .poll(async () => (await post(app, url, { number: 1 }, withKey('k'))).statusCode, { timeout: 10_000 })
      .toBe(201)
    expect(await store.readStream(url.slice(4, -4).replace('/', '-'))).toHaveLength(1)
  })

  const countRequests = async () =>
    Number((await database.pool.query('select count(*) from tidemark.command_requests')).rows[0].count)

  test('are kept for their lifetime', async () => {
    const app = create()
    for (let number = 0; number < 3; number++) await post(app, '/v1/tally/l-1/add', { number }, withKey(`k-${number}`))
    expect(await countRequests()).toBe(3)
    await database.pool.query("update tidemark.command_requests set expires_at = clock_timestamp() - interval '1 s'")
    // Past its lifetime the key may stand for something else; what was appended under it is known for ever.
    const again = await post(app, '/v1/tally/l-1/add', { number: 7 }, withKey('k-0'))
    expect(again.json()).toMatchObject({ version: '1' })
    await create().ready()
    await expect.poll(countRequests).toBe(1)
  })

  test('are forgotten with the persons of their streams', async () => {
    const app = create()
    await post(app, '/v1/order/p-1/place', orderOf(1), withKey('k'))
    await post(app, '/v1/order/p-2/place', orderOf(1), withKey('k'))
    await database.pool.query("select from tidemark.claim_subjects('{anna}', '{order-p-1}')")
    await store.forgetSubject('anna', { reason: 'asked' })
    const { rows } = await database.pool.query('select stream_id from tidemark.command_requests')
    expect(rows).toEqual([{ stream_id: 'order-p-2' }])
  })

  test('cost two statements, and others none', async () => {
    const texts: string[] = []
    const query = (config: string | { text: string }, ...rest: []) => {
      texts.push(typeof config === 'string' ? config : config.text)
      return database.pool.query(config as never, ...rest)
    }
    const counted = createEventStore(Object.create(database.pool, { query: { value: query } }) as pg.Pool)
    const app = create({ store: counted })
    const statements = async (headers: Record<string, string>) => {
      texts.length = 0
      expect((await post(app, `/v1/tally/${randomUUID()}/add`, { number: 1 }, headers)).statusCode).toBe(201)
      // Others than the worker's looks for what waits, and the word to subscribers, which many appends share.
      const own = texts.filter((text) => !/skip locked|notify/i.test(text))
      return { all: own.length, ofRequests: own.filter((text) => text.includes('command_requests')).length }
    }
    await statements({})
    // A load and an append.
    expect(await statements({})).toEqual({ all: 2, ofRequests: 0 })
    // The same, and the look for the events of the command id.
    expect(await statements(withKey(randomUUID()))).toEqual({ all: 5, ofRequests: 2 })
    await app.close()
    await counted.close()
  })

  test('that need a version are answered with 428 without one', async () => {
    const app = create({ commandRules: { order: { requireIfMatch: true }, 'order.ship': { requireIfMatch: false } } })
    const refused = await post(app, '/v1/order/v-1/place', orderOf(1))
    expect([refused.statusCode, type(refused)]).toEqual([428, '/problems/precondition-required'])
    expect((await post(app, '/v1/order/v-1/place', orderOf(1), { 'if-none-match': '*' })).statusCode).toBe(201)
    expect((await post(app, '/v1/order/v-1/ship', {})).statusCode).toBe(200)
    const misspelled = createServer({ store, aggregates: [Order], projections: [], commandRules: { 'order.shp': {} } })
    await expect(misspelled.ready()).rejects.toThrow('did you mean "order.ship"?')
  })
})

describe('commands that are executed after the answer', () => {
  const database = useStoreDatabase()
  let store: EventStore
  const servers: FastifyInstance[] = []
  beforeAll(() => {
    store = createEventStore(database.pool)
  })
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()))
  })
  afterAll(() => store.close())
  const create = (options: Partial<ServerOptions> = {}) => {
    const app = createServer({
      store,
      aggregates: [Order, Tally],
      projections: [],
      commandRules: { 'tally.add': { asynchronous: true } },
      ...options,
    })
    servers.push(app)
    return app
  }
  const post = (app: FastifyInstance, url: string, payload: object, headers: Record<string, string> = {}) =>
    app.inject({ method: 'POST', url, payload, headers } as InjectOptions)
  const later = { prefer: 'respond-async' }
  const outcome = async (app: FastifyInstance, accepted: LightMyRequestResponse) => {
    expect(accepted.statusCode).toBe(202)
    let answer = await app.inject(String(accepted.headers['location']))
    await expect
      .poll(
        async () => {
          answer = await app.inject(String(accepted.headers['location']))
          return answer.json().status
        },
        { timeout: 10_000 },
      )
      .not.toBe('pending')
    return answer
  }

  test('say where it can be seen what became of them', async () => {
    const app = create()
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const headers = { ...later, traceparent, 'x-correlation-id': 'conversation-2' }
    const accepted = await post(app, '/v1/order/a-1/place', orderOf(1), headers)
    expect(accepted.headers).toMatchObject({ 'preference-applied': 'respond-async', 'retry-after': '1' })
    expect(accepted.json()).toEqual({
      ...{ id: expect.any(String), status: 'pending', streamId: 'order-a-1', command: 'order.place' },
    })
    const done = await outcome(app, accepted)
    expect(done.headers).toMatchObject({ etag: '"1"', 'consistency-token': expect.any(String) })
    const [event] = await store.readStream('order-a-1')
    expect(done.json()).toMatchObject({
      ...{ status: 'done', id: accepted.json().id },
      outcome: { version: '1', streamId: 'order-a-1', events: [{ id: event?.id }] },
    })
    expect(event?.metadata).toMatchObject({ correlationId: 'conversation-2', traceparent })

    const rejected = await outcome(app, await post(app, '/v1/order/a-1/place', orderOf(1), later))
    expect(rejected.json()).toMatchObject({
      status: 'rejected',
      problem: { type: '/problems/command-rejected', status: 409, code: 'order-already-placed' },
    })
    const stale = await outcome(app, await post(app, '/v1/order/a-1/ship', {}, { ...later, 'if-match': '"7"' }))
    expect(stale.json()).toMatchObject({ status: 'rejected', problem: { type: '/problems/precondition-failed' } })
    // What Postgres could not keep as jsonb.
    const odd = await outcome(app, await post(app, '/v1/order/a-2/place', orderOf(1, 'a\u0000b\ud800'), later))
    expect(odd.json()).toMatchObject({ status: 'rejected', problem: { type: '/problems/event-refused' } })
    const { rows } = await database.pool.query('select from tidemark.command_requests where request is not null')
    expect(rows).toEqual([])

    expect((await post(app, '/v1/order/a-1/place', {}, later)).statusCode).toBe(422)
    for (const id of [randomUUID(), 'nonsense'])
      expect((await app.inject(`/v1/commands/${id}`)).json()).toMatchObject({ type: '/problems/command-not-found' })
  })

  test('with a key are put down once', async () => {
    const app = create()
    const key = { 'idempotency-key': 'k' }
    const [first, second] = await Promise.all([1, 2].map(() => post(app, '/v1/tally/k-1/add', { number: 1 }, key)))
    const accepted = [first!, second!].find(({ statusCode }) => statusCode === 202)!
    await outcome(app, accepted)
    const again = await post(app, '/v1/tally/k-1/add', { number: 1 }, key)
    expect([again.statusCode, again.headers['location']]).toEqual([202, accepted.headers['location']])
    expect((await post(app, '/v1/tally/k-1/add', { number: 2 }, key)).statusCode).toBe(422)
    expect(await store.readStream('tally-k-1')).toHaveLength(1)
  })

  test('on one aggregate are executed in the order in which they were accepted, by whichever process', async () => {
    const apps = [create(), create(), create()]
    const accepted: LightMyRequestResponse[] = []
    for (let number = 0; number < 30; number++) {
      for (const id of ['o-1', 'o-2']) accepted.push(await post(apps[number % 3]!, `/v1/tally/${id}/add`, { number }))
    }
    for (const one of accepted.slice(-2)) await outcome(apps[0]!, one)
    const expected = Array.from({ length: 30 }, (_, number) => number)
    for (const id of ['o-1', 'o-2']) expect((await store.load(Tally, id)).state.numbers).toEqual(expected)
  })

  test.each([
    ['before the append', () => new Promise<never>(() => undefined)],
    ['after the append', (real: () => Promise<unknown>) => real().then(() => new Promise<never>(() => undefined))],
  ])('are taken by another process when theirs died %s', async (when, die) => {
    const id = when.replaceAll(' ', '-')
    let alive = true
    const query = (...args: [never]) => (alive ? database.pool.query(...args) : Promise.reject(new Error('it is dead')))
    const dead = Object.create(store, {
      database: { value: { ...store.database, queryable: { query } } },
      execute: { value: (...args: Parameters<EventStore['execute']>) => die(() => store.execute(...args)) },
    }) as EventStore
    const dying = createServer({
      ...{ store: dead, aggregates: [Tally], projections: [] },
      ...{ commandRules: { tally: { asynchronous: true } }, commandLeaseMs: 300 },
    })
    const accepted = [
      await post(dying, `/v1/tally/${id}/add`, { number: 1 }),
      await post(dying, `/v1/tally/${id}/add`, { number: 2 }),
    ]
    const taken = 'select from tidemark.command_requests where place is not null and lease_until is not null'
    await expect.poll(async () => (await database.pool.query(taken)).rowCount).toBe(1)
    alive = false
    const app = create({ commandLeaseMs: 300 })
    for (const one of accepted) expect((await outcome(app, one)).json()).toMatchObject({ status: 'done' })
    expect((await store.load(Tally, id)).state.numbers).toEqual([1, 2])
  })

  test('are tried again when the reason passes, and those that followed wait for them', async () => {
    let failures = 1
    const execute = {
      value: async (...args: Parameters<EventStore['execute']>) => {
        if (failures-- > 0) throw new OverloadedError(10)
        return store.execute(...args)
      },
    }
    const app = create({ store: Object.create(store, { execute }) as EventStore })
    const accepted = [
      await post(app, '/v1/tally/p-1/add', { number: 1 }),
      await post(app, '/v1/tally/p-1/add', { number: 2 }),
    ]
    for (const one of accepted) expect((await outcome(app, one)).json()).toMatchObject({ status: 'done' })
    expect((await store.load(Tally, 'p-1')).state.numbers).toEqual([1, 2])
  })

  test('that fail by our fault say so, and hold nobody', async () => {
    let failed = false
    const execute = {
      value: async (...args: Parameters<EventStore['execute']>) => {
        if (!failed) {
          failed = true
          throw new Error('a secret bug')
        }
        return store.execute(...args)
      },
    }
    const app = create({ store: Object.create(store, { execute }) as EventStore })
    const first = await outcome(app, await post(app, '/v1/tally/b-1/add', { number: 1 }))
    expect(first.json()).toMatchObject({ status: 'failed', problem: { type: '/problems/internal' } })
    expect(first.body).not.toContain('secret')
    expect((await outcome(app, await post(app, '/v1/tally/b-1/add', { number: 2 }))).json().status).toBe('done')
  })

  test('are bounded', async () => {
    const execute = { value: () => new Promise<never>(() => undefined) }
    const stuck = createServer({
      ...{ store: Object.create(store, { execute }) as EventStore, aggregates: [Tally], projections: [] },
      ...{ commandRules: { tally: { asynchronous: true } }, maxWaitingCommands: 3 },
    })
    const codes: number[] = []
    for (let number = 0; number < 5; number++)
      codes.push((await post(stuck, `/v1/tally/full-${number}/add`, { number })).statusCode)
    expect(codes).toEqual([202, 202, 202, 503, 503])
  })
})
