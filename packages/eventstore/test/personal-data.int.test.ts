import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { v7 as uuidv7 } from 'uuid'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  createEventStore,
  DatabaseError,
  EventIdConflictError,
  inTransaction,
  InvalidEventError,
  partOf,
  PersonalDataUnreadableError,
  redactPersonal,
  SubjectForgottenError,
  TruncationRefusedError,
  type EventStore,
  type EventStoreOptions,
  type KeyStore,
  type SubjectKey,
} from '../src/index.js'
import { Counter } from './counter.js'
import { Customer, OlderCustomer } from './customer.js'
import { useStoreDatabase } from './store-database.js'

const registered = (customerId: string, name = 'Ada Lovelace', id: string = uuidv7()) =>
  ({ type: 'Registered', id, data: { customerId, name, address: { street: 'Long Lane 1', city: 'London' } } }) as const

describe('personal data', () => {
  const database = useStoreDatabase()
  const stores: EventStore[] = []
  const open = (options: EventStoreOptions = {}) => {
    const store = createEventStore(database.pool, { listen: false, ...options })
    stores.push(store)
    return store
  }
  let store: EventStore
  beforeAll(() => {
    store = createEventStore(database.pool, { listen: false })
  })
  afterEach(async () => {
    for (const each of stores.splice(0)) await each.close()
  })
  afterAll(() => store.close())

  const textOf = async (table: string, where = 'true') =>
    JSON.stringify((await database.pool.query(`select t::text from tidemark.${table} t where ${where}`)).rows)
  const ofStream = (id: string) => `stream_id = 'customer-${id}'`

  test('is replaced in events that are shown to people, without a key, and also where it was stored in clear before', async () => {
    await store.append(Customer, 'shown', [registered('shown')], { expectedVersion: 0 })
    const old = { name: 'Grace', address: { street: 'Short Road 1', city: 'London' }, phones: ['1'] }
    const inClear = { type: 'Registered', data: { customerId: 'shown', ...old }, schemaVersion: 2 }
    await store.appendToStream('customer-shown', [inClear, { type: 'LoggedIn', data: {} }], { expectedVersion: 1 })
    const [sealed, clear, other] = await store.readStream('customer-shown')
    const data = { customerId: 'shown', name: 'erased', address: { street: '', city: 'London' } }
    expect(redactPersonal(sealed!)).toMatchObject({
      event: { data, version: 1n },
      redacted: ['name', 'address.street'],
    })
    const redacted = redactPersonal(clear!, Customer)
    expect(redacted.event.data).toEqual(data)
    expect(redacted.redacted).toEqual(['name', 'address.street', 'phones'])
    expect(redactPersonal(other!, Customer)).toEqual({ event: other, redacted: [] })
  })

  test('is stored encrypted, and read in clear by whoever loads or reveals', async () => {
    await store.append(Customer, 'stored', [registered('s-1')], { expectedVersion: 0 })
    const stored = await textOf('events', ofStream('stored'))
    expect(stored).not.toMatch(/Ada|Long Lane/)
    expect(stored).toContain('London')
    expect((await store.load(Customer, 'stored')).state).toMatchObject({ name: 'Ada Lovelace', street: 'Long Lane 1' })
    const events = await store.readStream('customer-stored')
    expect(events[0]!.data).toMatchObject({ customerId: 's-1', name: { $personal: { subject: 's-1' } } })
    const [revealed] = await open().reveal([Customer], events)
    expect(revealed!.data).toEqual(registered('s-1').data)
    // Whoever follows the log as it is, such as a bridge, never sees it.
    const { events: followed } = await store.log.read({ after: 0n, limit: 100 })
    expect(JSON.stringify(followed.map(({ data }) => data))).not.toMatch(/Ada|Long Lane/)
  })

  test('the same value never looks the same twice', async () => {
    await store.append(Customer, 'twice', [registered('s-1'), registered('s-1')], { expectedVersion: 0 })
    const [one, other] = await store.readStream('customer-twice')
    expect(one!.data).not.toEqual(other!.data)
  })

  test('forgetting: reads give the replacement, in every process, also at an older schema version', async () => {
    await store.append(Customer, 'forgotten', [registered('s-2')], { expectedVersion: 0 })
    await store.append(Customer, 'both', [registered('s-2'), registered('s-3', 'Grace')], { expectedVersion: 0 })
    const v1 = { customerId: 's-2', name: 'Ada', street: 'Long Lane 1' }
    await store.append(OlderCustomer, 'older', [{ type: 'Registered', data: v1 }], { expectedVersion: 0 })
    expect(await textOf('events', ofStream('older'))).not.toMatch(/Ada|Long Lane/)
    expect((await store.load(Customer, 'older')).state.street).toBe('Long Lane 1')
    const other = open()
    expect((await other.load(Customer, 'forgotten')).state.name).toBe('Ada Lovelace')

    const result = await store.forgetSubject('s-2', { reason: 'request 1' })
    expect(result).toEqual({
      subject: 's-2',
      streamIds: ['customer-both', 'customer-forgotten', 'customer-older'],
      unloadableStreamIds: [],
    })
    // Though the other one holds the key in its memory still.
    for (const one of [store, other]) {
      expect((await one.load(Customer, 'forgotten')).state).toEqual({ name: 'erased', street: '', logins: 0 })
      const [revealed] = await one.reveal([Customer], await one.readStream('customer-forgotten'))
      expect(revealed!.data).toEqual({ customerId: 's-2', name: 'erased', address: { street: '', city: 'London' } })
      const both = await one.reveal([Customer], await one.readStream('customer-both'))
      expect(both.map(({ data }) => (data as { name: string }).name)).toEqual(['erased', 'Grace'])
    }
    expect(await textOf('subject_keys', `subject = 's-2'`)).toBe('[]')
    expect(await store.forgetSubject('s-2', { reason: 'again' })).toEqual(result)
    expect(await textOf('subjects', `subject = 's-2'`)).toContain('request 1')
    expect((await store.load(Customer, 'older')).state).toEqual({ name: 'erased', street: '-', logins: 0 })
  })

  test('a field whose replacement is undefined is left out', async () => {
    const { data, ...event } = registered('s-4')
    await store.append(Customer, 'phones', [{ ...event, data: { ...data, phones: ['+44 1'] } }], { expectedVersion: 0 })
    const reveal = async () => (await store.reveal([Customer], await store.readStream('customer-phones')))[0]!.data
    expect(await reveal()).toMatchObject({ phones: ['+44 1'] })
    await store.forgetSubject('s-4', { reason: 'request' })
    expect(await reveal()).not.toHaveProperty('phones')
  })

  test('a late append about a forgotten subject is refused, and makes no key', async () => {
    const late = open()
    await late.append(Customer, 'late', [registered('s-5')], { expectedVersion: 0 })
    await store.forgetSubject('s-5', { reason: 'request' })
    // One that holds the key in its memory may store what nobody can ever read.
    await late.append(Customer, 'late', [registered('s-5')], { expectedVersion: 1 })
    expect((await late.load(Customer, 'late')).state.name).toBe('erased')
    const attempts = [
      () => store.append(Customer, 'late', [registered('s-5')], { expectedVersion: 1 }),
      () => store.append(Customer, 'late-2', [registered('s-5')], { expectedVersion: 0 }),
      () => late.append(Customer, 'late-2', [registered('s-5')], { expectedVersion: 0 }),
      () => store.appendToStreams([partOf(Customer, 'late-3', [registered('s-5')], 'no-stream')]),
      () => store.execute(Customer, 'late-4', 'register', { customerId: 's-5', name: 'Ada', street: 'x' }),
    ]
    for (const attempt of attempts) await expect(attempt()).rejects.toBeInstanceOf(SubjectForgottenError)
    expect(await store.readStream('customer-late-2')).toEqual([])
    expect(await textOf('subject_keys', `subject = 's-5'`)).toBe('[]')
    await store.forgetSubject('s-never-seen', { reason: 'request' })
    await expect(
      store.append(Customer, 'late-5', [registered('s-never-seen')], { expectedVersion: 0 }),
    ).rejects.toBeInstanceOf(SubjectForgottenError)
  })

  test('the same events again are the first outcome, other content is told', async () => {
    const [id, other] = [uuidv7(), uuidv7()]
    const append = (name: string, to = 'again') =>
      store.append(Customer, to, [registered('s-6', name, id), registered('s-7', 'Grace', other)], {
        expectedVersion: 0,
      })
    const first = await append('Ada')
    expect(await append('Ada')).toEqual({ ...first, duplicate: true })
    await expect(append('Eve')).rejects.toBeInstanceOf(EventIdConflictError)
    await expect(append('Ada', 'elsewhere')).rejects.toBeInstanceOf(EventIdConflictError)
    await inTransaction(database.pool, async (transaction) => {
      const options = { expectedVersion: 0, transaction } as const
      const one = registered('s-8', 'Ada', uuidv7())
      const inside = await store.append(Customer, 'again-inside', [one], options)
      expect(await store.append(Customer, 'again-inside', [one], options)).toEqual({ ...inside, duplicate: true })
    })
    const commandId = uuidv7()
    const input = { customerId: 's-6', name: 'Ada', street: 'x' }
    const done = await store.execute(Customer, 'again-cmd', 'register', input, { commandId })
    expect(done.state.name).toBe('Ada')
    expect(await store.execute(Customer, 'again-cmd', 'register', input, { commandId })).toEqual({
      ...done,
      duplicate: true,
    })
  })

  test('a key that was made in a transaction that rolled back encrypts nothing', async () => {
    const rollBack = inTransaction(database.pool, async (transaction) => {
      await store.append(Customer, 'rolled-back', [registered('s-9')], { expectedVersion: 0, transaction })
      const events = await store.append(Customer, 'rolled-back', [registered('s-9')], {
        expectedVersion: 1,
        transaction,
      })
      expect(events.version).toBe(2n)
      throw new Error('changed my mind')
    })
    await expect(rollBack).rejects.toThrow('changed my mind')
    expect(await textOf('subject_keys', `subject = 's-9'`)).toBe('[]')
    await store.append(Customer, 'kept', [registered('s-9')], { expectedVersion: 0 })
    expect((await open().load(Customer, 'kept')).state.name).toBe('Ada Lovelace')
  })

  test('snapshots go with the subject, and one that was on its way does not come back', async () => {
    const register = () => store.append(Customer, 'snap', [registered('s-10')], { expectedVersion: 0 })
    await register()
    await store.execute(Customer, 'snap', 'logIn', {})
    await store.flushSnapshots()
    expect(await textOf('snapshots', ofStream('snap'))).toContain('Ada')

    const { SnapshotWriter } = await import('../src/snapshot-writer.js')
    const { loadAggregate } = await import('../src/load-aggregate.js')
    const { Vault } = await import('../src/personal-data/vault.js')
    const writer = new SnapshotWriter(
      store.database,
      { debug() {}, info() {}, warn() {}, error() {} },
      () => new Date(),
    )
    const vault = new Vault(store.database)
    await store.append(Customer, 'snap', [{ type: 'LoggedIn', data: {} }], { expectedVersion: 2 })
    await store.append(Customer, 'snap', [{ type: 'LoggedIn', data: {} }], { expectedVersion: 3 })
    const standing = await loadAggregate({ database: store.database, vault, onSnapshotIgnored() {} }, Customer, 'snap')
    expect(standing).toMatchObject({ snapshotVersion: 2n, version: 4n, state: { name: 'Ada Lovelace' } })
    await store.forgetSubject('s-10', { reason: 'request' })
    expect(await textOf('snapshots', ofStream('snap'))).toBe('[]')
    writer.offer(Customer, 'customer-snap', standing, 2)
    await writer.flush()
    expect(writer.failures).toBe(0)
    expect(await textOf('snapshots', ofStream('snap'))).toBe('[]')

    // What is loaded from now on may be kept again.
    for (let index = 0; index < 2; index++) await store.execute(Customer, 'snap', 'logIn', {})
    await store.flushSnapshots()
    expect(await textOf('snapshots', ofStream('snap'))).toContain('erased')
    expect((await store.load(Customer, 'snap')).state).toEqual({ name: 'erased', street: '', logins: 5 })
  })

  test('forgetting while commands run leaves nothing in clear', async () => {
    const busy = Array.from({ length: 4 }, () => open())
    await store.append(Customer, 'busy', [registered('s-11')], { expectedVersion: 0 })
    const running = busy.map(async (one) => {
      for (let index = 0; index < 15; index++) await one.execute(Customer, 'busy', 'logIn', {})
      await one.flushSnapshots()
    })
    await new Promise((resolve) => setTimeout(resolve, 30))
    await store.forgetSubject('s-11', { reason: 'request' })
    await Promise.all(running)
    expect(await textOf('snapshots', ofStream('busy'))).not.toContain('Ada')
    expect((await store.load(Customer, 'busy')).state).toEqual({ name: 'erased', street: '', logins: 60 })
  })

  test('a writer encrypts and cannot forget; a maintainer forgets and cannot append', async () => {
    const asRole = (role: string) => {
      const pool = new pg.Pool({ connectionString: database.directUrl, options: `-c role=${role}`, max: 2 })
      return { pool, store: createEventStore(pool, { listen: false }) }
    }
    const [writer, maintainer] = [asRole('tidemark_writer'), asRole('tidemark_maintainer')]
    const permission = { name: DatabaseError.name, kind: 'permission' }
    await writer.store.append(Customer, 'roles', [registered('s-16')], { expectedVersion: 0 })
    for (let index = 0; index < 3; index++) await writer.store.execute(Customer, 'roles', 'logIn', {})
    await writer.store.flushSnapshots()
    expect(await textOf('snapshots', ofStream('roles'))).toContain('Ada')
    await expect(writer.store.forgetSubject('s-16', { reason: 'request' })).rejects.toMatchObject(permission)
    await expect(
      writer.store.truncateStream('customer-roles', { beforeVersion: 2, withoutSnapshot: true }),
    ).rejects.toMatchObject(permission)

    await maintainer.store.forgetSubject('s-16', { reason: 'request' })
    expect((await writer.store.load(Customer, 'roles')).state).toEqual({ name: 'erased', street: '', logins: 3 })
    expect(await textOf('subject_keys', `subject = 's-16'`)).toBe('[]')
    await maintainer.store.truncateStream('customer-roles', { beforeVersion: 2, withoutSnapshot: true })
    await expect(
      maintainer.store.append(Customer, 'roles', [{ type: 'LoggedIn', data: {} }], { expectedVersion: 4 }),
    ).rejects.toMatchObject(permission)
    for (const one of [writer, maintainer]) {
      await one.store.close()
      await one.pool.end()
    }
  })

  test('an append and a forgetting at once: refused or unreadable, and no key is left', async () => {
    const others = Array.from({ length: 3 }, () => open())
    for (let round = 0; round < 15; round++) {
      const subject = `race-${round}`
      const appends = others.map((one, index) =>
        one.append(Customer, `${subject}-${index}`, [registered(subject)], { expectedVersion: 0 }),
      )
      const [forgotten, ...outcomes] = await Promise.allSettled([
        store.forgetSubject(subject, { reason: 'request' }),
        ...appends,
      ])
      expect(forgotten.status).toBe('fulfilled')
      for (const [index, outcome] of outcomes.entries()) {
        if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(SubjectForgottenError)
        else expect((await others[index]!.load(Customer, `${subject}-${index}`)).state.name).toBe('erased')
      }
      expect(await textOf('subject_keys', `subject = '${subject}'`)).toBe('[]')
    }
  })

  test('what was changed, moved to another event, or lost its key is an error and not a replacement', async () => {
    await store.append(Customer, 'moved', [registered('s-12'), registered('s-12', 'Eve')], { expectedVersion: 0 })
    const [one, other] = await store.readStream('customer-moved')
    await expect(store.reveal([Customer], [{ ...one!, data: other!.data }])).rejects.toBeInstanceOf(
      PersonalDataUnreadableError,
    )
    await database.pool.query(`delete from tidemark.subject_keys where subject = 's-12'`)
    await expect(open().load(Customer, 'moved')).rejects.toMatchObject({
      subject: 's-12',
      message: /its key is missing/,
    })
  })

  test('a master key wraps the keys, and another one does not fit', async () => {
    const masterKey = randomBytes(32)
    await open({ personalData: { masterKey } }).append(Customer, 'master', [registered('s-13')], { expectedVersion: 0 })
    const { rows } = await database.pool.query<{ key: Buffer }>(
      `select key from tidemark.subject_keys where subject = 's-13'`,
    )
    expect(rows[0]!.key).toHaveLength(12 + 32 + 16)
    const loaded = await open({ personalData: { masterKey } }).load(Customer, 'master')
    expect(loaded.state.name).toBe('Ada Lovelace')
    for (const personalData of [{}, { masterKey: randomBytes(32) }]) {
      await expect(open({ personalData }).load(Customer, 'master')).rejects.toThrow('needs the master key')
    }
    expect(() => open({ personalData: { masterKey: randomBytes(16) } })).toThrow('has 16 bytes')
  })

  test('keys may be kept elsewhere', async () => {
    const keys = new Map<string, SubjectKey>()
    const keyStore: KeyStore = {
      find: async (subjects) =>
        new Map(subjects.flatMap((subject) => (keys.has(subject) ? [[subject, keys.get(subject)!]] : []))),
      create: async (subjects) => {
        for (const subject of subjects)
          if (!keys.has(subject)) keys.set(subject, { id: uuidv7(), key: randomBytes(32) })
        return keyStore.find(subjects)
      },
      delete: async (subject) => void keys.delete(subject),
    }
    const elsewhere = open({ personalData: { keyStore } })
    await elsewhere.append(Customer, 'elsewhere', [registered('s-14')], { expectedVersion: 0 })
    expect(keys.size).toBe(1)
    expect((await elsewhere.load(Customer, 'elsewhere')).state.name).toBe('Ada Lovelace')
    await elsewhere.forgetSubject('s-14', { reason: 'request' })
    expect(keys.size).toBe(0)
    expect((await elsewhere.load(Customer, 'elsewhere')).state.name).toBe('erased')
  })

  test('a stream with personal data is not truncated behind a snapshot that forgetting would delete', async () => {
    await store.append(Customer, 'cut', [registered('s-15')], { expectedVersion: 0 })
    for (let index = 0; index < 3; index++) await store.execute(Customer, 'cut', 'logIn', {})
    await store.flushSnapshots()
    const cut = (options = {}) => store.truncateStream('customer-cut', { beforeVersion: 2, ...options })
    await expect(cut()).rejects.toMatchObject({ name: TruncationRefusedError.name, refusal: 'personal-data' })
    await cut({ withoutSnapshot: true })
    expect(await store.forgetSubject('s-15', { reason: 'request' })).toMatchObject({
      unloadableStreamIds: ['customer-cut'],
    })
  })

  test('data that looks encrypted, and a subject that is none, are refused', async () => {
    const fake = { $personal: { subject: 's-1', key: 'k', nonce: '', value: '' } }
    await expect(
      store.append(Customer, 'fake', [{ type: 'LoggedIn', data: { note: [fake] } }], { expectedVersion: 0 }),
    ).rejects.toMatchObject({ name: InvalidEventError.name, path: '$.note[0].$personal' })
    await expect(store.append(Customer, 'fake', [registered('')], { expectedVersion: 0 })).rejects.toThrow(
      'data subject',
    )
  })

  test('events without personal data cost no query', async () => {
    const texts: string[] = []
    const counting = open()
    const queryable = {
      query: (statement: string | pg.QueryConfig) => {
        texts.push(typeof statement === 'string' ? statement : statement.text)
        return database.pool.query(statement)
      },
    }
    Object.assign(counting.database, { queryable })
    const events = await counting.readStream('counter-none')
    expect(await counting.reveal([Counter], events)).toBe(events)
    await counting.append(Counter, 'none', [{ type: 'Added', data: { amount: 1 } }], { expectedVersion: 0 })
    await counting.append(Customer, 'none', [{ type: 'LoggedIn', data: {} }], { expectedVersion: 0 })
    await counting.load(Counter, 'none')
    expect(texts.length).toBeGreaterThan(2)
    expect(texts.filter((text) => text.includes('subject'))).toEqual([])
  })

  test('of an aggregate that no longer declares any is refused, not folded as it is stored', async () => {
    await store.append(Customer, 'undeclared', [registered('s-undeclared')], { expectedVersion: 0 })
    const plain = { ...Customer.events.Registered, personal: undefined }
    const Undeclared = { ...Customer, events: { ...Customer.events, Registered: plain }, snapshot: undefined }
    const error: unknown = await store.load(Undeclared, 'undeclared').catch((failure: unknown) => failure)
    expect(error).toBeInstanceOf(PersonalDataUnreadableError)
    expect(error).toMatchObject({ subject: 's-undeclared', message: expect.stringContaining('declaration') as string })
    await expect(store.execute(Undeclared, 'undeclared', 'logIn', {})).rejects.toThrow(PersonalDataUnreadableError)
    expect(await store.readStream('customer-undeclared')).toHaveLength(1)
  })

  test('of a type that is retired, or ignored, is left alone: nothing is folded from it', async () => {
    await store.append(Customer, 'retired', [registered('s-retired')], { expectedVersion: 0 })
    await store.execute(Customer, 'retired', 'logIn', {})
    const { LoggedIn } = Customer.events
    const rest = {
      ...Customer,
      events: { LoggedIn },
      evolve: { LoggedIn: Customer.evolve.LoggedIn },
      snapshot: undefined,
    }
    for (const without of [
      { ...rest, retired: ['Registered'] },
      { ...rest, unknownEvents: 'ignore' as const },
    ]) {
      expect(await store.load(without, 'retired')).toMatchObject({ version: 2n, state: { name: '', logins: 1 } })
    }
  })
})
