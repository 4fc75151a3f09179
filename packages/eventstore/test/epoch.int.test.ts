import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import pg from 'pg'
import {
  createEventStore,
  inTransaction,
  LogRestoredError,
  type EventStore,
  type SubscriptionBatch,
} from '../src/index.js'
import { useStoreDatabase } from './store-database.js'

const database = useStoreDatabase({ max: 10 })
let store: EventStore
beforeEach(() => {
  store = createEventStore(database.pool, { pollIntervalMs: 50, listen: false })
})
afterEach(async () => {
  await store.close()
  await database.pool.query('delete from tidemark.checkpoints')
})

const append = async (count = 1) => {
  const events = Array.from({ length: count }, () => ({ type: 'Happened', data: {} }))
  return (await store.appendToStream('log-1', events, { expectedVersion: 'any' })).position
}
/** What a store sees that was restored elsewhere, or whose standby was promoted. */
const moveToOtherCluster = () => database.pool.query('update tidemark.store set timeline = timeline + 7')
const storeRow = async () =>
  (
    await database.pool.query<{ epoch: string; fits: boolean }>(
      `select epoch::text, (s.system_identifier, s.timeline) = (c.system_identifier, c.timeline) as fits
       from tidemark.store s, tidemark.cluster_identity() c`,
    )
  ).rows[0]!
const follow = (name: string, seen: bigint[] = []) => {
  const handle = async ({ events, to, checkpoint }: SubscriptionBatch) => {
    await inTransaction(database.pool, (client) => checkpoint.advance(client, to))
    seen.push(...events.map(({ position }) => position))
  }
  return store.subscribe({ name, handle })
}
/** Lets a subscriber get to the head, and stops it. */
const followToHead = async (name: string) => {
  const subscription = follow(name)
  const { position } = await store.head()
  await vi.waitFor(async () => {
    const { rows } = await database.pool.query('select position from tidemark.checkpoints where name = $1', [name])
    expect(rows).toEqual([{ position: String(position) }])
  })
  await subscription.stop()
}
const shiftCheckpoint = (name: string, by: number) =>
  database.pool.query(
    'update tidemark.checkpoints set position = position + $2, event_id = gen_random_uuid() where name = $1',
    [name, by],
  )

test('a new cluster or timeline whose log fits every checkpoint keeps its epoch', async () => {
  await append(3)
  await followToHead('one')
  const before = await storeRow()
  await moveToOtherCluster()
  expect((await storeRow()).fits).toBe(false)
  await store.verifyEpoch()
  expect(await storeRow()).toEqual({ epoch: before.epoch, fits: true })
})

test('one checkpoint that does not fit stops every subscription, and each is named', async () => {
  await append(3)
  await followToHead('fits')
  await followToHead('ahead')
  await followToHead('other-event')
  await shiftCheckpoint('ahead', 1000)
  await shiftCheckpoint('other-event', 0)
  await moveToOtherCluster()
  const failure: unknown = await store.verifyEpoch().catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(LogRestoredError)
  expect(failure).toMatchObject({
    code: 'EVENTSTORE_LOG_RESTORED',
    checkpoints: [
      { name: 'ahead', reason: expect.stringMatching(/^the log ends at position \d+$/) },
      { name: 'other-event', reason: expect.stringContaining('is not where it was') },
    ],
  })
  const seen: bigint[] = []
  const innocent = follow('fits', seen)
  await append()
  await vi.waitFor(() => expect(innocent.state).toBe('failed'))
  expect(innocent.lastError).toBeInstanceOf(LogRestoredError)
  expect(seen).toEqual([])
  expect((await storeRow()).fits).toBe(false)
})

test('a new epoch waits for a decision, keeps what fits and moves back what does not', async () => {
  const safe = await append(3)
  await followToHead('fits')
  await followToHead('ahead')
  await shiftCheckpoint('ahead', 1000)
  await moveToOtherCluster()
  const { epoch } = await storeRow()
  await expect(store.newEpoch({ reason: 'a drill' })).rejects.toBeInstanceOf(LogRestoredError)
  await expect(store.newEpoch({ reason: ' ' })).rejects.toMatchObject({ code: 'EVENTSTORE_CONFIGURATION' })
  await expect(store.newEpoch({ reason: 'a drill', rewindTo: safe + 5n })).rejects.toThrow('the log goes from 0 to')
  expect((await storeRow()).epoch).toBe(epoch)

  const begun = await store.newEpoch({ reason: 'a drill', rewindTo: safe - 1n })
  expect(begun).toEqual({
    epoch: expect.any(String),
    kept: ['fits'],
    rewound: [{ name: 'ahead', position: safe + 1000n, reason: expect.any(String), to: safe - 1n }],
  })
  expect(begun.epoch).not.toBe(epoch)
  expect(await storeRow()).toEqual({ epoch: begun.epoch, fits: true })
  const { rows } = await database.pool.query(
    'select epoch::text, reason, last_position from tidemark.epochs order by began_at desc limit 1',
  )
  expect(rows).toEqual([{ epoch: begun.epoch, reason: 'a drill', last_position: String(safe) }])

  const [again, onwards]: [bigint[], bigint[]] = [[], []]
  follow('ahead', again)
  follow('fits', onwards)
  const next = await append()
  await vi.waitFor(() => expect([again, onwards]).toEqual([[safe, next], [next]]))
})

test('rewinding never moves a checkpoint forward', async () => {
  await append(3)
  const { position } = await store.head()
  await followToHead('behind')
  await shiftCheckpoint('behind', -2)
  await append(3)
  await moveToOtherCluster()
  const { rewound } = await store.newEpoch({ reason: 'a drill', rewindTo: position + 1n })
  expect(rewound).toMatchObject([{ name: 'behind', to: position - 2n }])
  await store.verifyEpoch()
})

test.each([
  [
    'alter table tidemark.events alter column position set cache 10',
    'alter table tidemark.events alter column position set cache 1',
    /10 positions at once.*set cache 1/,
  ],
  [
    'alter table tidemark.events alter column position set cycle',
    'alter table tidemark.events alter column position set no cycle',
    /starts again at its end/,
  ],
  [
    'alter table tidemark.events alter column position set increment 2',
    'alter table tidemark.events alter column position set increment 1',
    /steps of 2/,
  ],
  [
    'alter table tidemark.events alter column position set generated by default',
    'alter table tidemark.events alter column position set generated always',
    /generated always/,
  ],
  [
    'alter table tidemark.events enable trigger events_fence',
    'alter table tidemark.events enable always trigger events_fence',
    /enable always trigger/,
  ],
  [
    'alter table tidemark.events disable trigger events_fence',
    'alter table tidemark.events enable always trigger events_fence',
    /enable always trigger/,
  ],
  [
    'alter trigger events_fence on tidemark.events rename to other',
    'alter trigger other on tidemark.events rename to events_fence',
    /missing/,
  ],
])('a store whose safe head could lie is refused: %s', async (damage, repair, message) => {
  await database.pool.query(damage)
  try {
    await expect(store.verifyEpoch()).rejects.toMatchObject({
      code: 'EVENTSTORE_STORE_CORRUPT',
      defects: [expect.stringMatching(message)],
    })
    const subscription = follow('refused')
    await vi.waitFor(() => expect(subscription.state).toBe('failed'))
  } finally {
    await database.pool.query(repair)
  }
  await store.verifyEpoch()
})

test('what was known of a log that went back is forgotten at the next look', async () => {
  const position = await append(3)
  expect((await store.head()).position).toBe(position)
  await database.pool.query('delete from tidemark.events where position > $1', [position - 2n])
  await database.pool.query(`select setval('tidemark.events_position_seq', $1)`, [position - 2n])
  expect(await store.head()).toMatchObject({ position: position - 2n, lastPosition: position - 2n })
})

test('a sequence that was not copied with the log is refused, and the advice mends it', async () => {
  const position = await append(5)
  await database.pool.query(`select setval('tidemark.events_position_seq', 1)`)
  const failure = await store.verifyEpoch().catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'EVENTSTORE_STORE_CORRUPT' })
  const advice = /then (alter table .* restart with \d+)/.exec((failure as Error).message)?.[1]
  await database.pool.query(advice!)
  expect(await append()).toBe(position + 1n)
  await store.verifyEpoch()
})

test('roles of programs may verify; only the owner begins an epoch', async () => {
  await append()
  await moveToOtherCluster()
  for (const role of ['tidemark_projector', 'tidemark_writer']) {
    const pool = new pg.Pool({ connectionString: database.directUrl, options: `-c role=${role}` })
    const limited = createEventStore(pool, { listen: false })
    await limited.verifyEpoch()
    await expect(limited.newEpoch({ reason: 'a drill' })).rejects.toMatchObject({ kind: 'permission' })
    await limited.close()
    await pool.end()
  }
})
