import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  Checkpoint,
  createEventStore,
  inTransaction,
  LogMismatchError,
  type EventStore,
  type RecordedEvent,
  type SubscriptionBatch,
} from '../src/index.js'
import { Counter } from './counter.js'
import { useStoreDatabase } from './store-database.js'

const added = { type: 'Added', data: { amount: 1 } } as const

describe('a subscription', () => {
  const database = useStoreDatabase({ max: 40 })
  let store: EventStore
  const others: EventStore[] = []
  let name: string
  let test_number = 0
  beforeEach(() => {
    name = `test-${++test_number}`
    store = createEventStore(database.pool, { pollIntervalMs: 100 })
  })
  afterEach(async () => {
    await Promise.all([store, ...others.splice(0)].map((one) => one.close()))
  })

  /** Collects what it sees, and moves the checkpoint as a subscriber should. */
  const collecting =
    (seen: RecordedEvent[]) =>
    async ({ events, to, checkpoint }: SubscriptionBatch) => {
      await inTransaction(database.pool, (client) => checkpoint.advance(client, to))
      seen.push(...events)
    }
  const tableNow = async () =>
    (await database.pool.query<{ id: string }>('select id from tidemark.events order by position')).rows.map(
      ({ id }) => id,
    )

  test('misses nothing behind 32 appending connections, two of which sleep before COMMIT', async () => {
    const seen: RecordedEvent[] = []
    const subscription = store.subscribe({ name, batchSize: 50, handle: collecting(seen) })
    const writers = Array.from({ length: 32 }, async (_, writer) => {
      for (let round = 0; round < (writer < 2 ? 5 : 20); round++) {
        await inTransaction(database.pool, async (client) => {
          await store.append(Counter, `${name}-${writer}-${round}`, [added, added], {
            expectedVersion: 0,
            transaction: client,
          })
          if (writer < 2) await new Promise((resolve) => setTimeout(resolve, 150 + writer * 50))
        })
      }
    })
    await Promise.all(writers)
    const expected = await tableNow()
    await vi.waitFor(() => expect(seen.length).toBeGreaterThanOrEqual(expected.length), { timeout: 10_000 })
    expect(seen.map(({ id }) => id)).toEqual(expected)
    await subscription.stop()
  })

  test('goes on from its checkpoint after it was stopped, and filters in the server', async () => {
    const first: RecordedEvent[] = []
    const filter = { categories: ['counter'], types: ['Reset'] }
    const one = store.subscribe({ name, filter, handle: collecting(first) })
    await store.append(Counter, name, [added, { type: 'Reset', data: {} }], { expectedVersion: 0 })
    await store.appendToStream(`other-${name}`, [{ type: 'Reset', data: {} }], { expectedVersion: 0 })
    await vi.waitFor(() => expect(first).toHaveLength(1))
    await one.stop()
    await store.append(Counter, name, [{ type: 'Reset', data: {} }], { expectedVersion: 2 })
    const second: RecordedEvent[] = []
    const two = store.subscribe({ name, filter, handle: collecting(second) })
    await vi.waitFor(() => expect(second).toHaveLength(1))
    expect([...first, ...second].map(({ version }) => version)).toEqual([2n, 3n])
    await two.stop()
  })

  test('moves its checkpoint to the head behind events that it does not want', async () => {
    const subscription = store.subscribe({ name, filter: { types: ['Never'] }, handle: collecting([]) })
    const { position } = await store.append(Counter, name, [added], { expectedVersion: 0 })
    await vi.waitFor(async () => {
      const { rows } = await database.pool.query<{ position: string; event_id: string }>(
        'select position, event_id from tidemark.checkpoints where name = $1',
        [name],
      )
      expect(BigInt(rows[0]!.position)).toBe(position)
      expect(rows[0]!.event_id).toBe((await tableNow()).at(-1))
    })
    await subscription.stop()
  })

  test('is woken by an append of the same process at once, and by another process through NOTIFY', async () => {
    // A pooler passes no notification on, so whoever listens goes past it.
    const listen = { connectionString: database.directUrl }
    const slowPoll = createEventStore(database.pool, { pollIntervalMs: 60_000, listen })
    const elsewhere = createEventStore(database.pool, { listen: false })
    others.push(slowPoll, elsewhere)
    const seen: RecordedEvent[] = []
    slowPoll.subscribe({ name, handle: collecting(seen) })
    await vi.waitFor(() => expect(seen.length).toBeGreaterThan(0))
    await new Promise((resolve) => setTimeout(resolve, 300))
    for (const [writer, limitMs] of [
      [slowPoll, 1000],
      [elsewhere, 2000],
    ] as const) {
      const { events } = await writer.append(Counter, name, [added], { expectedVersion: 'any' })
      await vi.waitFor(() => expect(seen.at(-1)?.id).toBe(events[0]!.id), { timeout: limitMs, interval: 5 })
    }
  })

  test('finds events by its poll when nothing wakes it', async () => {
    const deaf = createEventStore(database.pool, { pollIntervalMs: 50, listen: false })
    others.push(deaf)
    const seen: RecordedEvent[] = []
    deaf.subscribe({ name, handle: collecting(seen) })
    await vi.waitFor(() => expect(seen.length).toBeGreaterThan(0))
    const { events } = await store.append(Counter, name, [added], { expectedVersion: 0 })
    await vi.waitFor(() => expect(seen.at(-1)?.id).toBe(events[0]!.id), { timeout: 2000 })
  })

  test('a batch that fails is tried again and nothing is skipped', async () => {
    const seen: RecordedEvent[] = []
    let failures = 3
    const subscription = store.subscribe({
      name,
      handle: async (batch) => {
        if (failures-- > 0) throw new Error('not yet')
        await collecting(seen)(batch)
      },
    })
    const expected = await tableNow()
    await vi.waitFor(() => expect(seen.map(({ id }) => id)).toEqual(expected), { timeout: 5000 })
    await subscription.stop()
  })

  test('one of two has it; the other takes over when the first goes, and a zombie cannot move the checkpoint', async () => {
    const other = createEventStore(database.pool, { pollIntervalMs: 50 })
    others.push(other)
    let stuck: SubscriptionBatch | undefined
    let release: (() => void) | undefined
    // The first owner hangs in its batch past its lease, like a process that was stopped and continued.
    const zombie = store.subscribe({
      name,
      leaseMs: 300,
      handle: async (batch) => {
        if (stuck) return
        stuck = batch
        // A process that is stopped has no heartbeat.
        store.leases.letGo(batch.checkpoint)
        await new Promise<void>((resolve) => (release = resolve))
        await inTransaction(database.pool, (client) => batch.checkpoint.advance(client, batch.to))
      },
    })
    await vi.waitFor(() => expect(stuck).toBeDefined())
    const seen: RecordedEvent[] = []
    const successor = other.subscribe({ name, leaseMs: 300, handle: collecting(seen) })
    await vi.waitFor(() => expect(seen.length).toBeGreaterThan(0), { timeout: 3000 })
    release!()
    await vi.waitFor(() => expect(zombie.lastError).toMatchObject({ code: 'EVENTSTORE_CHECKPOINT_LOST' }))
    expect(seen.map(({ id }) => id)).toEqual(await tableNow())
    await Promise.all([zombie.stop(), successor.stop()])
  })

  test('one that has nothing to do notices that its checkpoint was taken, and has it again once that is given back', async () => {
    const idle = store.subscribe({ name, leaseMs: 300, handle: collecting([]) })
    await vi.waitFor(() => expect(idle.state).toBe('running'))
    const taken = await Checkpoint.take(store.database, name, { owner: 'somebody', leaseMs: 60_000 })
    await vi.waitFor(() => expect(idle.state).toBe('waiting-for-lease'), { timeout: 3000 })
    await taken!.release()
    await vi.waitFor(() => expect(idle.state).toBe('running'), { timeout: 3000 })
    const { rows } = await database.pool.query(
      'select owner from tidemark.checkpoints where name = $1 and lease_until > clock_timestamp()',
      [name],
    )
    expect(rows).toHaveLength(1)
    await idle.stop()
  })

  test('a checkpoint that must be there is waited for, and never made', async () => {
    const names = async () =>
      (await database.pool.query('select from tidemark.checkpoints where name = $1', [name])).rowCount
    const seen: RecordedEvent[] = []
    const waiting = store.subscribe({ name, leaseMs: 300, existing: true, handle: collecting(seen) })
    await sleep(400)
    expect({ state: waiting.state, names: await names() }).toEqual({ state: 'waiting-for-lease', names: 0 })
    await database.pool.query('insert into tidemark.checkpoints (name) values ($1)', [name])
    await vi.waitFor(() => expect(seen.length).toBeGreaterThan(0), { timeout: 3000 })
    // Its table is dropped while somebody else has it.
    await Checkpoint.take(store.database, name, { owner: 'somebody', leaseMs: 100 })
    await database.pool.query('delete from tidemark.checkpoints where name = $1', [name])
    await vi.waitFor(() => expect(waiting.state).toBe('waiting-for-lease'), { timeout: 3000 })
    await sleep(400)
    expect(await names()).toBe(0)
    await waiting.stop()
  })

  test('has failed only once that is noted, for others to read', async () => {
    const isOurs = ({ streamId }: RecordedEvent) => streamId === 'counter-fails'
    const failing = store.subscribe({
      name,
      handle: async (batch) => {
        if (batch.events.some(isOurs)) throw new RangeError('never')
        await collecting([])(batch)
      },
      isFinal: (error) => error instanceof RangeError,
    })
    const { position: head } = await store.head()
    // Until then it moves the checkpoint, which waits for whoever has locked it.
    await vi.waitFor(() => expect(failing.position).toBe(head), 10_000)
    await inTransaction(database.pool, async (client) => {
      await client.query('select from tidemark.checkpoints where name = $1 for update', [name])
      await store.appendToStream('counter-fails', [added], { expectedVersion: 'any' })
      await vi.waitFor(() => expect(failing.lastError).toBeInstanceOf(RangeError), 10_000)
      expect(failing.state).not.toBe('failed')
    })
    await failing.ended
    const noted = 'select error, failures from tidemark.checkpoints where name = $1'
    expect((await database.pool.query(noted, [name])).rows).toEqual([{ error: 'never', failures: 1 }])
    expect(failing.state).toBe('failed')
  })

  test('stops and says so when the log no longer holds the event of its checkpoint', async () => {
    const one = store.subscribe({ name, handle: collecting([]) })
    await vi.waitFor(async () => {
      const { rows } = await database.pool.query(
        'select from tidemark.checkpoints where name = $1 and event_id is not null',
        [name],
      )
      expect(rows).toHaveLength(1)
    })
    await one.stop()
    await database.pool.query('update tidemark.checkpoints set event_id = gen_random_uuid() where name = $1', [name])
    const two = store.subscribe({ name, handle: collecting([]) })
    await vi.waitFor(() => expect(two.state).toBe('failed'))
    expect(two.lastError).toBeInstanceOf(LogMismatchError)
    await two.ended
    const { rows } = await database.pool.query<{ error: string }>(
      'select error from tidemark.checkpoints where name = $1',
      [name],
    )
    expect(rows[0]!.error).toContain('restored to an earlier point')
  })
})
