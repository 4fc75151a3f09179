import { createEventStore, type EventStore } from '@tidemark/eventstore'
import type { FastifyInstance } from 'fastify'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  createServer,
  type AdminBridge,
  type AdminBridgeStatus,
  type AdminConsumer,
  type AdminFinding,
  type AdminOptions,
  type AdminReset,
} from '../../src/index.js'
import { Order } from '../order.js'
import { useStoreDatabase } from '../store-database.js'
import { AdminClient, authentication } from './admin-server.js'
import { canary, Customer } from './customer.js'

const reason = 'a test wants it'

/** A bridge whose errors name a customer; `asked` is what it was asked for. */
function failingBridge(name: string, categories: readonly string[]) {
  const asked: object[] = []
  const error = `no place for ${canary}`
  const at = { position: 3n, owner: undefined }
  const lane = { ...at, checkpoint: `bridge:${name}`, lane: 0, state: 'failed', lag: 4n, error } as const
  const state: { stall: AdminBridgeStatus['stall'] } = {
    stall: { reason: 'poison', error, failures: 2, retryInMs: undefined },
  }
  const bridge: AdminBridge = {
    ...{ name, filter: { categories }, topics: ['somewhere'] },
    status: async (options) => {
      asked.push({ status: options })
      return {
        ...{ ...at, kind: 'bridge', name, state: 'failed', head: 7n, lag: 4n, failures: 2, lanes: [lane], error },
        ...{ stall: state.stall, parkedKeys: 1, parkedEvents: 2, oldestUnsentMs: 5 },
      }
    },
    pause: async () => true,
    resume: async () => false,
    parked: async (page) => {
      asked.push({ parked: page })
      const status = 'failed' as const
      const record = { bridge: name, position: 3n, status, eventId: 'e', tenant: undefined, streamId: 's-1' }
      const failed = { version: 2n, type: 'T', key: 'k', error: { code: 'X', message: error }, attempts: 1 }
      return [{ ...record, ...failed, parkedAt: new Date(0) }]
    },
    retry: async () => [{ key: 'k', published: 0, dropped: 0, waiting: 2, error: new Error(error) }],
    drain: async ({ signal, onProgress, ...options }) => {
      asked.push({ drain: options })
      onProgress({ done: 3n, total: 7n })
      if (options.timeoutMs === 1) throw Object.assign(new Error(error), { code: 'FANOUT_DRAIN_INCOMPLETE' })
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('ended'))))
      throw new Error('not reached')
    },
  }
  return { bridge, asked, state }
}

describe('the admin API', () => {
  const database = useStoreDatabase()
  let store: EventStore
  const apps: FastifyInstance[] = []
  beforeAll(() => {
    store = createEventStore(database.pool, { listen: false })
  })
  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()))
  })
  afterAll(() => store.close())

  const serve = async (options: Partial<AdminOptions>) => {
    const app = createServer({
      ...{ store, aggregates: [Order, Customer], projections: [], authentication },
      // A busy machine is none of these tests.
      pressure: { maxEventLoopDelayMs: 60_000 },
      admin: { operationPollMs: 20, operationLeaseMs: 400, ...options },
    })
    apps.push(app)
    await app.ready()
    return new AdminClient(() => app, 'operator')
  }

  test('shows all of a bridge, and leaves out what may name a person', async () => {
    const [orders, customers] = [failingBridge('orders', ['order']), failingBridge('customers', ['customer'])]
    const client = await serve({ bridges: [orders.bridge, customers.bridge] })
    const { body } = await client.get('/bridges?measureMs=150')
    expect(body.data[0]).toEqual({
      ...{ kind: 'bridge', name: 'orders', state: 'failed', position: '3', head: '7', lag: '4', lagMs: 0 },
      ...{ failures: 2, topics: ['somewhere'], parkedKeys: 1, parkedEvents: 2, oldestUnsentMs: 5 },
      lanes: [
        { lane: 0, checkpoint: 'bridge:orders', state: 'failed', position: '3', lag: '4', error: expect.any(String) },
      ],
      stall: { reason: 'poison', error: `no place for ${canary}`, failures: 2 },
      error: `no place for ${canary}`,
    })
    expect(orders.asked).toEqual([{ status: { measureMs: 150 } }])
    const hidden = expect.stringContaining('may hold personal data')
    expect(body.data[1]).toMatchObject({ error: hidden, stall: { error: hidden }, lanes: [{ error: hidden }] })
    expect(JSON.stringify(body.data[1])).not.toContain(canary)

    const parked = await client.get('/bridges/customers/parked?key=k&status=failed&after=1&limit=5')
    expect(customers.asked).toContainEqual({ parked: { limit: 5, after: 1n, key: 'k', status: 'failed' } })
    expect(parked.body.data).toMatchObject([
      { bridge: 'customers', version: '2', error: { code: 'X', message: hidden } },
    ])
    const shown = await client.get('/bridges/orders/parked')
    expect(shown.body.data).toMatchObject([{ error: { message: `no place for ${canary}` } }])

    const retried = await client.ended(await client.post('/bridges/customers/retry', { reason }))
    expect(retried.result).toMatchObject({
      keys: 1,
      waitingKeys: 1,
      retried: [{ key: 'k', waiting: 2, error: hidden }],
    })
    const drained = await client.ended(await client.post('/bridges/customers/drain', { reason, timeoutMs: 1 }))
    expect(drained).toMatchObject({ status: 'failed', error: { code: 'FANOUT_DRAIN_INCOMPLETE' } })
    expect(JSON.stringify([parked.body, retried, drained])).not.toContain(canary)
  })

  test('drains a bridge until somebody cancels it', async () => {
    const { bridge, asked } = failingBridge('one', ['order'])
    const client = await serve({ bridges: [bridge] })
    const groups = ['shipping']
    expect((await client.post('/bridges/one/drain', { reason, groups, dryRun: true })).body.plan).toEqual({
      ...{ from: '3', upTo: '7', topics: ['somewhere'], waitsFor: groups },
    })
    const started = await client.post('/bridges/one/drain', { reason, groups })
    expect(started.status).toBe(202)
    expect((await client.post(`/operations/${started.body.id}/cancel`, { reason })).status).toBe(202)
    expect(await client.ended(started)).toMatchObject({ status: 'cancelled', progress: { done: '3', total: '7' } })
    expect(asked).toContainEqual({ drain: { groups, timeoutMs: 60_000 } })
  })

  test('pauses a bridge and says why, but not one that was never started', async () => {
    const { bridge, state } = failingBridge('two', ['order'])
    const client = await serve({ bridges: [bridge] })
    expect(await client.post('/bridges/two/pause', { reason })).toMatchObject({
      status: 409,
      body: { type: '/problems/action-refused', detail: expect.stringContaining('never started') },
    })
    state.stall = { reason: 'paused', why: 'somebody else' }
    const { result } = (await client.post('/bridges/two/pause', { reason })).body
    expect(result).toEqual({ changed: true, reason: 'somebody else' })
  })

  test('shows how far consumers are, moves them and redrives their letters', async () => {
    const resets: AdminReset[] = []
    const partition = { topic: 't', partition: 0, committed: undefined, end: 9n, lag: 9n, lagMs: 4 }
    const mails: AdminConsumer = {
      ...{ name: 'mails', group: 'of-mails', topics: ['t'], types: ['OrderPlaced'] },
      lag: async () => ({
        ...{ group: 'of-mails', state: 'Empty', members: 0, lag: 9n, lagMs: 4, partitions: [partition] },
      }),
      reset: async (options) => {
        resets.push(options)
        if (options.to === 99n) throw Object.assign(new Error('not 99'), { code: 'FANOUT_CONSUMER_CONFIGURATION' })
        return [{ topic: 't', partition: 0, before: undefined, after: 9n }]
      },
      deadLetters: async () => 3n,
      redrive: async () => ({ redriven: 2, left: 1 }),
    }
    const client = await serve({ consumers: [mails] })
    const viewer = client.for('viewer')
    expect((await viewer.get('/consumers')).body.data).toEqual([
      { name: 'mails', group: 'of-mails', state: 'Empty', members: 0, partitions: 1, lag: '9', lagMs: 4 },
    ])
    const { committed: _committed, ...known } = partition
    expect((await viewer.get('/consumers/mails/lag')).body.data).toEqual([{ ...known, end: '9', lag: '9' }])
    expect((await viewer.get('/consumers/mail/lag')).body).toMatchObject({
      ...{ status: 404, type: '/problems/unknown-consumer', detail: expect.stringContaining('"mails"') },
    })

    const at = '2026-01-01T00:00:00Z'
    const moves = [{ topic: 't', partition: 0, after: '9' }]
    const planned = await client.post('/consumers/mails/reset', { reason, to: at, forgetInbox: true, dryRun: true })
    expect(planned.body.plan).toEqual({ group: 'of-mails', moves, forgetsInbox: true })
    const moved = await client.post('/consumers/mails/reset', { reason, to: '7', topic: 't', partition: 0 })
    expect(moved.body).toMatchObject({ status: 'done', result: { moved: moves } })
    expect(resets).toEqual([
      { to: new Date(at), forgetInbox: true, dryRun: true },
      { to: 7n, topic: 't', partition: 0, forgetInbox: false, dryRun: false },
    ])
    expect(await client.post('/consumers/mails/reset', { reason, to: 99 })).toMatchObject({
      ...{ status: 409, body: { code: 'FANOUT_CONSUMER_CONFIGURATION', detail: 'not 99' } },
    })
    for (const to of ['yesterday', -1, '2026-01-01', undefined])
      expect((await client.post('/consumers/mails/reset', { reason, to })).status, String(to)).toBe(422)

    const redrive = await client.post('/consumers/mails/redrive', { reason, dryRun: true })
    expect(redrive.body.plan).toEqual({ letters: '3', topics: ['t'] })
    const redriven = await client.ended(await client.post('/consumers/mails/redrive', { reason }))
    expect(redriven.result).toEqual({ redriven: 2, left: 1 })
    const audit = (await client.get('/audit?limit=200')).body.data as readonly { action: string; outcome: string }[]
    expect(audit.filter(({ action }) => action.startsWith('consumers.')).map(({ outcome }) => outcome)).toEqual([
      ...['done', 'requested', 'failed', 'requested', 'done', 'requested'],
    ])
  })

  test('says what to set where it knows no Kafka', async () => {
    const { bridge } = failingBridge('three', ['order'])
    const without: AdminBridge = { ...bridge }
    delete without.retry
    delete without.drain
    const client = await serve({
      bridges: [without],
      consumers: [{ name: 'mails', group: 'mails', topics: [], types: [] }],
    })
    const refused = {
      status: 409,
      body: {
        type: '/problems/action-refused',
        code: 'API_CONFIGURATION',
        detail: expect.stringContaining('KAFKA_BROKERS'),
      },
    }
    for (const path of ['/consumers', '/consumers/mails/lag'])
      expect(await client.get(path), path).toMatchObject(refused)
    for (const path of [
      'bridges/three/drain',
      'bridges/three/retry',
      'consumers/mails/reset',
      'consumers/mails/redrive',
    ])
      expect(await client.post(`/${path}`, { reason, ...(path.endsWith('reset') && { to: 'latest' }) })).toMatchObject(
        refused,
      )
  })

  test('has findings and the state of the database for operators, found out once for all who ask', async () => {
    let looks = 0
    const findings: AdminFinding[] = [
      { check: 'head', level: 'warning', message: 'it is held back', remedy: 'end it' },
      { check: 'kafka', level: 'ok', message: 'fine' },
    ]
    const status = { database: 'db:5432/shop', schema: 'tidemark', version: 3, newest: 3, state: 'current' } as const
    const client = await serve({
      doctor: async () => {
        looks++
        await new Promise((resolve) => setTimeout(resolve, 50))
        if (looks === 2) throw new Error(`postgres://${canary}`)
        return findings
      },
      database: async () => ({ ...status, epoch: 'e', head: 4n, lastPosition: 4n, heldBackByPid: null }),
    })
    const both = await Promise.all([client.get('/doctor'), client.get('/doctor')])
    for (const { body } of both) expect(body).toEqual({ healthy: true, findings })
    expect(looks).toBe(1)
    const failed = await client.get('/doctor')
    expect(failed).toMatchObject({ status: 503, body: { type: '/problems/unavailable' } })
    expect(failed.text).not.toContain(canary)
    findings.push({ check: 'kafka', level: 'error', message: 'no topic', remedy: 'make it' })
    expect((await client.get('/doctor')).body.healthy).toBe(false)
    expect((await client.get('/database')).body).toMatchObject({ ...status, head: '4', heldBackByPid: null })
    for (const path of ['/doctor', '/database']) {
      expect((await client.for('viewer').get(path)).status).toBe(403)
      expect((await (await serve({})).get(path)).body, path).toMatchObject({ status: 409, code: 'API_CONFIGURATION' })
    }
  })

  test('lets admins begin a new epoch, once it is said where misfits go on', async () => {
    const client = (await serve({})).for('admin')
    const epoch = await store.log.epoch()
    expect((await client.for('operator').post('/database/new-epoch', { reason })).status).toBe(403)
    await database.pool.query(
      `insert into tidemark.checkpoints (name, position, event_id) values ('bridge:b', 999999, gen_random_uuid())`,
    )
    const undecided = {
      status: 409,
      body: { code: 'EVENTSTORE_LOG_RESTORED', detail: expect.stringContaining('"bridge:b"') },
    }
    expect(await client.post('/database/new-epoch', { reason, dryRun: true })).toMatchObject(undecided)
    expect(await client.post('/database/new-epoch', { reason })).toMatchObject(undecided)
    const planned = await client.post('/database/new-epoch', { reason, rewindTo: 'end', dryRun: true })
    expect(planned.body.plan).toMatchObject({
      ...{ refusesTokensOf: epoch, keeps: [], rewinds: [{ name: 'bridge:b', position: '999999' }] },
    })
    expect(await store.log.epoch()).toBe(epoch)
    const { body } = await client.post('/database/new-epoch', { reason, rewindTo: 'start' })
    expect(body).toMatchObject({
      ...{ status: 'done', target: 'log', result: { kept: [], rewound: [{ name: 'bridge:b', to: '0' }] } },
    })
    expect(body.result.epoch).not.toBe(epoch)
    expect(await store.log.epoch()).toBe(body.result.epoch)
  })
})
