import { createEventStore, type EventStore } from '@tidemark/eventstore'
import { createProjector } from '@tidemark/projections'
import { testProgram } from '@tidemark/test-servers'
import type { FastifyInstance } from 'fastify'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { createServer, type AdminBridge, type AdminOptions } from '../../src/index.js'
import { Order, orderSummary } from '../order.js'
import { useStoreDatabase } from '../store-database.js'
import { anOrder } from './an-order.js'
import { AdminClient, authentication, type Json } from './admin-server.js'

const runAdmin = await testProgram(new URL('../programs/run-admin.ts', import.meta.url))
const reason = 'a test wants it'
/** A busy machine takes its time. */
const until = (check: () => unknown) => vi.waitFor(check, { timeout: 20_000 })

/** A bridge that works until it is let go, or told to stop; what it did is in `done`. */
function slowBridge(name: string) {
  const state = { begun: 0, ended: 0, done: 0, release: false }
  const work = async (signal: AbortSignal, onProgress?: (progress: { done: bigint; total: bigint }) => void) => {
    state.begun++
    onProgress?.({ done: 3n, total: 10n })
    try {
      while (!state.release) {
        signal.throwIfAborted()
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      state.done++
    } finally {
      state.ended++
    }
  }
  const bridge: AdminBridge = {
    ...{ name, filter: {}, topics: ['somewhere'] },
    status: async () => ({
      ...{
        kind: 'bridge',
        name,
        state: 'running',
        position: 1n,
        head: 1n,
        lag: 0n,
        error: undefined,
        owner: undefined,
      },
      ...{ failures: 0, lanes: [], parkedKeys: 0, parkedEvents: 0, oldestUnsentMs: 0 },
    }),
    pause: async () => true,
    resume: async () => false,
    parked: async () => [],
    retry: async ({ signal }) => {
      await work(signal)
      return []
    },
    replay: async ({ signal, onProgress }) => {
      await work(signal, onProgress)
      return { published: 1, leftOut: 0, position: 1n }
    },
  }
  return { bridge, state }
}

describe('an operation', () => {
  const database = useStoreDatabase()
  let store: EventStore
  const apps: FastifyInstance[] = []
  const children: ChildProcess[] = []
  beforeAll(() => {
    store = createEventStore(database.pool, { listen: false })
  })
  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()))
  })
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL')
    await store.close()
  })

  const serve = async (bridge?: AdminBridge, options: Partial<AdminOptions> = {}) => {
    const app = createServer({
      ...{ store, aggregates: [Order], projections: [orderSummary], authentication },
      admin: { operationPollMs: 20, operationLeaseMs: 400, ...(bridge && { bridges: [bridge] }), ...options },
    })
    apps.push(app)
    await app.ready()
    return new AdminClient(() => app)
  }
  const close = async () => apps.shift()?.close()
  const expireLeases = () =>
    database.pool.query(`update tidemark.operations set lease_until = now() - interval '1 s' where attempt = 1`)
  const auditOf = async (client: AdminClient, id: string): Promise<string[]> => {
    const { body } = await client.get('/audit?limit=200')
    const own = body.data.filter(({ operationId }: Json) => operationId === id)
    return own.map(({ action, outcome }: Json) => `${action} ${outcome}`).reverse()
  }

  test('shows its progress, is alone on its target, and ends when somebody cancels it', async () => {
    const { bridge, state } = slowBridge('one')
    const client = await serve(bridge)
    expect((await client.get('/bridges')).body.data).toMatchObject([{ name: 'one', topics: ['somewhere'] }])
    expect((await client.get('/bridges/one/parked')).body.data).toEqual([])
    const started = await client.post('/bridges/one/replay', { reason, to: '100' })
    expect(started).toMatchObject({ status: 202, headers: { location: `/admin/v1/operations/${started.body.id}` } })
    const { id } = started.body
    await until(async () =>
      expect((await client.get(`/operations/${id}`)).body.progress).toEqual({ done: '3', total: '10' }),
    )
    expect(await client.post('/bridges/one/replay', { reason })).toMatchObject({
      status: 409,
      body: { type: '/problems/operation-running', operation: id },
    })
    expect((await client.post(`/operations/${id}/cancel`, {})).status).toBe(422)
    expect((await client.post(`/operations/${id}/cancel`, { reason, dryRun: true })).body.status).toBe('running')
    expect((await client.post(`/operations/${id}/cancel`, { reason })).status).toBe(202)
    expect(await client.ended(started)).toMatchObject({ status: 'cancelled', cancelRequested: true })
    expect(state.done).toBe(0)
    expect((await client.post(`/operations/${id}/cancel`, { reason })).body.type).toBe('/problems/operation-ended')
    expect(await auditOf(client, id)).toEqual([
      'bridges.replay requested',
      'operations.cancel requested',
      'operations.cancel done',
      'bridges.replay cancelled',
    ])
  })

  test('waits where the process has no room, and can be cancelled while it does', async () => {
    const { bridge, state } = slowBridge('two')
    const client = await serve(bridge, { maxOperations: 1 })
    const first = await client.post('/bridges/two/retry', { reason })
    const second = await client.post('/bridges/two/replay', { reason })
    expect(second.body.status).toBe('pending')
    expect((await client.post(`/operations/${second.body.id}/cancel`, { reason })).body.status).toBe('cancelled')
    const third = await client.post('/bridges/two/replay', { reason })
    state.release = true
    expect([await client.ended(first), await client.ended(third)]).toMatchObject([
      { status: 'done' },
      { status: 'done' },
    ])
    expect(state.begun).toBe(2)
  })

  test('goes on in another process when the server closes, or is failed where that cannot be', async () => {
    const { bridge, state } = slowBridge('three')
    const first = await serve(bridge)
    const retry = await first.post('/bridges/three/retry', { reason })
    const replay = await first.post('/bridges/three/replay', { reason })
    await until(() => expect(state.begun).toBe(2))
    await close()
    const second = await serve(bridge)
    state.release = true
    expect(await second.ended(retry)).toMatchObject({ status: 'done', attempts: 2 })
    expect(await second.ended(replay)).toMatchObject({
      status: 'failed',
      error: { code: 'API_OPERATION_ENDED_BY_CLOSE' },
    })
    expect(await auditOf(second, replay.body.id)).toEqual(['bridges.replay requested', 'bridges.replay failed'])
  })

  test('that nobody here can run is ended at once when somebody cancels it', async () => {
    const { bridge, state } = slowBridge('gone')
    const first = await serve(bridge)
    const { id } = (await first.post('/bridges/gone/retry', { reason })).body
    await until(() => expect(state.begun).toBe(1))
    await close()
    const second = await serve()
    expect((await second.get(`/operations/${id}`)).body.status).toBe('running')
    const cancelled = await second.post(`/operations/${id}/cancel`, { reason })
    expect(cancelled).toMatchObject({ status: 200, body: { status: 'cancelled', attempts: 1 } })
    expect((await auditOf(second, id)).at(-1)).toBe('bridges.retry cancelled')
  })

  test('is not ended by a process that was paused past its lease', async () => {
    const paused = slowBridge('four')
    // It notices only after a second that it has lost them.
    const first = await serve(paused.bridge, { operationLeaseMs: 60_000, operationPollMs: 60_000 })
    const retry = await first.post('/bridges/four/retry', { reason })
    const replay = await first.post('/bridges/four/replay', { reason })
    await until(() => expect(paused.state.begun).toBe(2))
    const other = slowBridge('four')
    const second = await serve(other.bridge)
    await until(async () => {
      await expireLeases()
      expect(other.state.begun).toBe(1)
      // On a slow machine the first process renews one of its leases between.
      expect((await second.get(`/operations/${replay.body.id}`)).body).toMatchObject({ attempts: 2 })
    })
    paused.state.release = true
    await until(() => expect(paused.state.ended).toBe(2))
    await close()
    expect((await second.get(`/operations/${retry.body.id}`)).body).toMatchObject({ status: 'running', attempts: 2 })
    other.state.release = true
    expect(await second.ended(retry)).toMatchObject({ status: 'done', attempts: 2 })
    expect(await second.ended(replay)).toMatchObject({ status: 'failed', error: { code: 'API_OPERATION_ABANDONED' } })
    expect(await auditOf(second, retry.body.id)).toEqual(['bridges.retry requested', 'bridges.retry done'])
    expect(await auditOf(second, replay.body.id)).toEqual(['bridges.replay requested', 'bridges.replay failed'])
  })

  test('of a process that was killed is taken up by another one, and a rebuild goes on', async () => {
    const projector = createProjector(store, [orderSummary])
    await projector.start()
    for (let id = 0; id < 20; id++) await store.execute(Order, `killed-${id}`, 'place', anOrder(id))
    await projector.waitFor('order-summary', (await store.head()).position, { timeoutMs: 20_000 })
    await projector.stop()
    const child = runAdmin([database.url], { failpoints: 'rebuild.before-indexes=kill' })
    children.push(child)
    await once(child, 'exit')
    expect(child.signalCode).toBe('SIGKILL')
    const client = await serve()
    const { body } = await client.get('/operations?kind=projections.rebuild')
    const { id } = body.data[0]
    await until(async () =>
      expect((await client.get(`/operations/${id}`)).body).toMatchObject({
        status: 'done',
        attempts: 2,
        result: { rows: 20 },
      }),
    )
    expect(await auditOf(client, id)).toEqual(['projections.rebuild requested', 'projections.rebuild done'])
  })

  test('is not begun where the audit cannot be written, and its end is never left out', async () => {
    const { bridge, state } = slowBridge('five')
    state.release = true
    const client = await serve(bridge, { operationLeaseMs: 200 })
    const refuse = (type: string) =>
      database.pool.query(`
        create or replace function tidemark.refuse_audit() returns trigger language plpgsql as $$
        begin if new.type = '${type}' then perform nextval('refusals'); raise exception 'no audit today'; end if; return new; end $$;
        create or replace trigger refuse_audit before insert on tidemark.events for each row execute function tidemark.refuse_audit()`)
    // A sequence keeps count although the transaction is rolled back.
    await database.pool.query('create sequence refusals')
    await refuse('AdminActionRequested')
    expect((await client.post('/bridges/five/replay', { reason })).status).toBe(500)
    expect([state.begun, (await client.get('/operations?target=five')).body.data]).toEqual([0, []])
    await refuse('AdminActionEnded')
    const retry = await client.post('/bridges/five/retry', { reason })
    await until(async () => {
      const { rows } = await database.pool.query<{ count: string }>('select last_value as count from refusals')
      expect(Number(rows[0]!.count)).toBe(2)
    })
    expect(state.done).toBe(1)
    expect((await client.get(`/operations/${retry.body.id}`)).body.status).toBe('running')
    await database.pool.query('drop trigger refuse_audit on tidemark.events')
    expect((await client.ended(retry)).status).toBe('done')
    expect(await auditOf(client, retry.body.id)).toEqual(['bridges.retry requested', 'bridges.retry done'])
  })
})
