import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  ConfigurationError,
  createEventStore,
  importEvents,
  inTransaction,
  TenancyError,
  TenantRequiredError,
  VersionConflictError,
  type EventStore,
  type RecordedEvent,
} from '../src/index.js'
import { Counter } from './counter.js'
import { Customer } from './customer.js'
import { useStoreDatabase } from './store-database.js'
import { useTenantDatabase } from './tenant-database.js'

const added = (amount: number, id?: string) => ({ type: 'Added', data: { amount }, ...(id && { id }) }) as const

describe('tenancy', () => {
  const tenants = useTenantDatabase()
  let store: EventStore
  beforeAll(() => {
    store = createEventStore(tenants.pool, { listen: false, pollIntervalMs: 20 })
  })
  afterAll(() => store.close())
  const superuser = <Row extends object>(text: string, values: unknown[] = []) =>
    tenants.poolOf('superuser', { max: 1 }).query<Row>(text, values)

  test('two tenants have streams of the same id, event ids and command ids, and neither sees the other', async () => {
    const [acme, bolt] = [store.forTenant('acme'), store.forTenant('bolt')]
    const [commandId, id] = [randomUUID(), randomUUID()]
    for (const [tenant, amount] of [
      [acme, 1],
      [bolt, 10],
    ] as const) {
      expect(await tenant.append(Counter, 'same', [added(amount, id)], { expectedVersion: 'no-stream' })).toMatchObject(
        {
          version: 1n,
          duplicate: false,
        },
      )
      const executed = await tenant.execute(Counter, 'same', 'add', { amount }, { commandId })
      expect(executed).toMatchObject({ version: 2n, state: { value: 2 * amount }, duplicate: false })
      expect(await tenant.execute(Counter, 'same', 'add', { amount }, { commandId })).toMatchObject({
        position: executed.position,
        duplicate: true,
      })
    }
    expect(await acme.load(Counter, 'same')).toMatchObject({ state: { value: 2 }, version: 2n })
    expect(await bolt.readStream('counter-same')).toMatchObject([
      { tenant: 'bolt', data: { amount: 10 }, version: 1n },
      { tenant: 'bolt', data: { amount: 10 }, version: 2n },
    ])
    expect(await store.forTenant('nobody').readStream('counter-same')).toEqual([])
    await expect(acme.append(Counter, 'same', [added(5)], { expectedVersion: 1 })).rejects.toMatchObject({
      name: VersionConflictError.name,
      actualVersion: 2n,
    })
  })

  test('without a tenant nothing is appended and no stream is read', async () => {
    const refused = TenantRequiredError
    await expect(store.append(Counter, 'x', [added(1)], { expectedVersion: 'any' })).rejects.toBeInstanceOf(refused)
    const part = { streamId: 'counter-x', expectedVersion: 'any', events: [added(1)] } as const
    await expect(store.appendToStreams([part])).rejects.toBeInstanceOf(refused)
    await expect(store.load(Counter, 'same')).rejects.toBeInstanceOf(refused)
    await expect(store.execute(Counter, 'same', 'nothing', {})).rejects.toBeInstanceOf(refused)
    await expect(store.readStream('counter-same')).rejects.toBeInstanceOf(refused)
    await expect(store.walkStream('counter-same')[Symbol.asyncIterator]().next()).rejects.toBeInstanceOf(refused)
    await expect(store.walkLog()[Symbol.asyncIterator]().next()).rejects.toBeInstanceOf(refused)
    await expect(store.truncateStream('counter-same', { beforeVersion: 2 })).rejects.toBeInstanceOf(refused)
    // Nor by those whom row-level security does not bind.
    const unbound = createEventStore(tenants.poolOf('superuser'), { listen: false })
    await expect(unbound.append(Counter, 'x', [added(1)], { expectedVersion: 'any' })).rejects.toBeInstanceOf(refused)
    await expect(unbound.load(Counter, 'same')).rejects.toBeInstanceOf(refused)
    await unbound.close()
  })

  test('the database itself refuses what names no tenant, or another', async () => {
    const insert = (
      tenant: string,
    ) => `insert into tidemark.events (${tenant === '' ? '' : 'tenant, '}stream_id, version, id,
      schema_version, type, data, metadata) values (${tenant === '' ? '' : `'${tenant}', `}'a-1', 1, gen_random_uuid(), 1, 'T', '{}', '{}')`
    await inTransaction(tenants.pool, async (client) => {
      const refusal = async (text: string) => {
        await client.query('savepoint s')
        const error: unknown = await client.query(text).then(
          () => undefined,
          (failure: unknown) => failure,
        )
        await client.query('rollback to savepoint s')
        return error
      }
      expect(await refusal('select * from tidemark.events')).toMatchObject({ code: 'TM003' })
      expect(await refusal('select * from tidemark.subject_keys')).toMatchObject({ code: 'TM003' })
      expect(await refusal(`select * from tidemark.own_events`)).toMatchObject({ code: 'TM003' })
      expect(await refusal(insert(''))).toMatchObject({ code: 'TM003' })
      await client.query(`select set_config('tidemark.tenant', 'acme', true)`)
      expect(await refusal(insert('bolt'))).toMatchObject({ code: '42501' })
      expect(await refusal(insert(''))).toBeUndefined()
      const { rows } = await client.query('select distinct tenant from tidemark.events')
      expect(rows).toEqual([{ tenant: 'acme' }])
    })
  })

  test('calls of many tenants at once: each event belongs to the one that it was appended for', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `t${index}`)
    await Promise.all(
      Array.from({ length: 240 }, (_, index) =>
        store
          .forTenant(names[index % names.length]!)
          .append(Counter, `many-${index % 5}`, [added(index % names.length)], { expectedVersion: 'any' }),
      ),
    )
    const { rows } = await superuser<{ tenant: string; amount: number; count: number }>(
      `select tenant, (data->>'amount')::int as amount, count(*)::int from tidemark.events
        where stream_id like 'counter-many-%' group by 1, 2 order by 2`,
    )
    expect(rows).toEqual(names.map((tenant, index) => ({ tenant, amount: index, count: 20 })))
    expect(store.forTenant('t1')).toBe(store.forTenant('t1'))
  })

  test('the setting ends with the statement, and a failed one leaves the connection as it was', async () => {
    const pool = tenants.database.createPool({ max: 1 })
    const one = createEventStore(pool, { listen: false })
    const id = randomUUID()
    const acme = one.forTenant('acme')
    const append = (streamId: string) =>
      acme.appendToStream(streamId, [{ type: 'T', data: 1, id }], { expectedVersion: 'any' })
    await append('a-first')
    // The id is taken in another stream, which two statements find out.
    await expect(append('a-second')).rejects.toMatchObject({ code: 'EVENTSTORE_EVENT_ID_CONFLICT' })
    await expect(acme.readStream('a-first', { limit: -1 })).rejects.toMatchObject({ sqlState: '2201W' })
    await expect(acme.readStream('a-first', { limit: -1 })).rejects.toMatchObject({ sqlState: '2201W' })
    expect(await acme.readStream('a-first')).toHaveLength(1)
    expect(await one.forTenant('bolt').readStream('a-first')).toEqual([])
    const { rows } = await pool.query<{ left: string }>(`select current_setting('tidemark.tenant', true) as left`)
    expect(rows[0]?.left ?? '').toBe('')
    await one.close()
  })

  test("in a caller's own transaction the statements are the tenant's too", async () => {
    const [acme, bolt] = [store.forTenant('acme'), store.forTenant('bolt')]
    await inTransaction(tenants.pool, async (transaction) => {
      await acme.append(Counter, 'own', [added(1)], { expectedVersion: 0, transaction })
      await bolt.append(Counter, 'own', [added(2), added(3)], { expectedVersion: 0, transaction })
      await expect(acme.append(Counter, 'own', [added(4)], { expectedVersion: 0, transaction })).rejects.toBeInstanceOf(
        VersionConflictError,
      )
      await acme.appendToStreams(
        [
          { streamId: 'counter-own', expectedVersion: 1n, events: [] },
          { streamId: 'counter-other', expectedVersion: 0n, events: [added(5)] },
        ],
        { transaction },
      )
    })
    expect(await acme.load(Counter, 'own')).toMatchObject({ version: 1n, state: { value: 1 } })
    expect(await bolt.load(Counter, 'own')).toMatchObject({ version: 2n, state: { value: 5 } })
    expect(await acme.load(Counter, 'other')).toMatchObject({ version: 1n, state: { value: 5 } })
  })

  test('snapshots and truncation are of one tenant', async () => {
    const upkeep = createEventStore(tenants.poolOf('maintainer'), { listen: false })
    for (const name of ['acme', 'bolt']) {
      const tenant = store.forTenant(name)
      const amount = name === 'acme' ? 1 : 2
      await tenant.append(Counter, 'long', Array(99).fill(added(amount)), { expectedVersion: 0 })
      await tenant.execute(Counter, 'long', 'add', { amount })
      await tenant.flushSnapshots()
      await tenant.append(Counter, 'long', [added(amount)], { expectedVersion: 100 })
      expect(await tenant.load(Counter, 'long')).toMatchObject({
        ...{ state: { value: 101 * amount }, version: 101n, snapshotVersion: 100n, eventsRead: 1 },
      })
    }
    expect(await upkeep.forTenant('acme').truncateStream('counter-long', { beforeVersion: 101 })).toMatchObject({
      deletedEvents: 100n,
    })
    expect(await store.forTenant('acme').readStream('counter-long')).toHaveLength(1)
    expect(await store.forTenant('acme').load(Counter, 'long')).toMatchObject({ state: { value: 101 } })
    expect(await store.forTenant('bolt').readStream('counter-long')).toHaveLength(101)
    await upkeep.close()
  })

  test('a data subject is forgotten by one tenant, and stays known to the other', async () => {
    const upkeep = createEventStore(tenants.poolOf('maintainer'), { listen: false })
    const reader = createEventStore(tenants.poolOf('projector'), { listen: false })
    for (const name of ['acme', 'bolt']) {
      const input = { customerId: 'c-7', name: `Ada of ${name}`, street: 'Any' }
      await store.forTenant(name).execute(Customer, 'c-7', 'register', input)
    }
    expect(await upkeep.forTenant('acme').forgetSubject('c-7', { reason: 'asked' })).toMatchObject({
      streamIds: ['customer-c-7'],
    })
    expect(await store.forTenant('bolt').load(Customer, 'c-7')).toMatchObject({ state: { name: 'Ada of bolt' } })
    const fresh = createEventStore(tenants.pool, { listen: false })
    expect(await fresh.forTenant('acme').load(Customer, 'c-7')).toMatchObject({ state: { name: 'erased' } })
    // A projection reads the events of both at once.
    const events: RecordedEvent[] = []
    for await (const event of reader.walkLog({ types: ['Registered'] })) events.push(event)
    expect(await reader.reveal([Customer], events)).toMatchObject([
      { tenant: 'acme', data: { name: 'erased' } },
      { tenant: 'bolt', data: { name: 'Ada of bolt' } },
    ])
    await Promise.all([fresh.close(), reader.close(), upkeep.close()])
  })

  test('a projector reads the log of every tenant, and its events say whose they are', async () => {
    const projector = createEventStore(tenants.poolOf('projector'), { listen: false, pollIntervalMs: 20 })
    const seen: RecordedEvent[] = []
    const subscription = projector.subscribe({
      name: 'all',
      handle: async ({ events, to, checkpoint }) => {
        await checkpoint.advance(projector.pool, to)
        seen.push(...events)
      },
    })
    const { rows } = await superuser<{ position: string; tenant: string }>(
      'select position, tenant from tidemark.events order by position',
    )
    await expect.poll(() => seen.length).toBe(rows.length)
    expect(seen.map(({ position, tenant }) => ({ position: String(position), tenant }))).toEqual(rows)
    await subscription.stop()
    const filtered: RecordedEvent[] = []
    for await (const event of projector.walkLog({ types: ['Registered'], categories: ['customer'] }))
      filtered.push(event)
    expect(filtered.map(({ tenant }) => tenant)).toEqual(['acme', 'bolt'])
    await projector.close()
  })

  test('a tenant is refused where nothing would keep it apart', async () => {
    const refusal = async (role: 'superuser' | 'projector') => {
      const wrong = createEventStore(tenants.poolOf(role), { listen: false })
      const append = wrong.forTenant('acme').append(Counter, 'x', [added(1)], { expectedVersion: 'any' })
      await expect(append).rejects.toBeInstanceOf(TenancyError)
      await expect(wrong.forTenant('acme').load(Counter, 'same')).rejects.toThrow(
        role === 'superuser' ? /bind/ : /projector/,
      )
      await wrong.close()
    }
    await refusal('superuser')
    await refusal('projector')
    for (const name of ['', 'a/b', '*', 'x'.repeat(65)]) {
      expect(() => store.forTenant(name), name).toThrow(ConfigurationError)
    }
  })

  test('events of another table are imported for one tenant', async () => {
    const admin = tenants.poolOf('superuser')
    await admin.query(
      `create role importer_${process.pid} in role tidemark_writer;
       grant insert, update, delete on tidemark.checkpoints to importer_${process.pid};
       grant insert on tidemark.events to importer_${process.pid}`,
    )
    const pool = tenants.poolOf('superuser', { options: `-c role=importer_${process.pid}` })
    const importer = createEventStore(pool, { listen: false })
    const query = `select n as position, 'old-1' as stream_id, 'T' as type, '{}'::json as data from generate_series(1, 3) n`
    await expect(importEvents(importer, pool, query)).rejects.toBeInstanceOf(TenantRequiredError)
    for (const tenant of ['acme', 'bolt']) {
      expect(await importEvents(importer.forTenant(tenant), pool, query)).toMatchObject({ events: 3n })
    }
    expect(await store.forTenant('bolt').readStream('old-1')).toMatchObject([
      { version: 1n },
      { version: 2n },
      { version: 3n },
    ])
    await importer.close()
    await pool.end()
    await admin.query(`drop owned by importer_${process.pid}; drop role importer_${process.pid}`)
  })
})

describe('a store without tenancy', () => {
  const database = useStoreDatabase()

  test('has no tenants', async () => {
    const store = createEventStore(database.pool, { listen: false })
    await expect(store.forTenant('acme').readStream('a-1')).rejects.toBeInstanceOf(TenancyError)
    const append = store.forTenant('acme').append(Counter, 'x', [added(1)], { expectedVersion: 'any' })
    await expect(append).rejects.toThrow(/migrated without tenancy/)
    await store.append(Counter, 'x', [added(1)], { expectedVersion: 'no-stream' })
    expect((await store.readStream('counter-x'))[0]).not.toHaveProperty('tenant')
    await store.close()
  })
})
