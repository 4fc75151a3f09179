import { createTestDatabase, type TestDatabase } from '@tidemark/test-servers'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createEventStore, importEvents, inTransaction, type EventStore, type SubscriptionBatch } from '../src/index.js'
import { useStoreDatabase } from './store-database.js'

const target = useStoreDatabase()
let origin: TestDatabase
let source: pg.Pool
let store: EventStore
let run = 0
beforeAll(async () => {
  origin = await createTestDatabase()
  source = origin.createPool()
  // As message-db has it: versions from 0, ids of its own.
  await source.query(`create table messages (
    global_position bigint primary key, stream_name text, position bigint, type text, data jsonb, metadata jsonb, id uuid, time timestamp)`)
})
afterAll(() => origin.drop())
beforeEach(async () => {
  run++
  store = createEventStore(target.pool, { listen: false, pollIntervalMs: 50 })
  await source.query('truncate messages')
})
afterEach(() => store.close())

const query = `
  select global_position as position, stream_name as stream_id, position + 1 as version, type, data, metadata, id,
         time at time zone 'UTC' as recorded_at
    from messages;`
const write = (position: number, stream: string, version: number, more: { type?: string; data?: unknown } = {}) =>
  source.query(
    `insert into messages values ($1, $2, $3, $4, $5, '{"correlationId": "c"}', gen_random_uuid(), '2020-02-03 04:05:06.789012')`,
    [position, stream, version, more.type ?? 'Opened', JSON.stringify(more.data ?? { n: position })],
  )
const fill = async (streams = 5, each = 4) => {
  for (let n = 0; n < streams * each; n++)
    await write(n * 10 + 7, `import${run}-${n % streams}`, Math.floor(n / streams))
}
const imported = async () =>
  (
    await target.pool.query('select * from tidemark.events where stream_id like $1 order by position', [
      `import${run}-%`,
    ])
  ).rows

test('events keep id, version, order, metadata and time; subscribers see them', async () => {
  await fill()
  const seen: string[] = []
  const handle = async ({ events, to, checkpoint }: SubscriptionBatch) => {
    await inTransaction(target.pool, (client) => checkpoint.advance(client, to))
    seen.push(...events.map(({ id }) => id))
  }
  const subscription = store.subscribe({ name: 'sees-imports', handle, filter: { categories: [`import${run}`] } })
  const report = await importEvents(store, source, query, { name: `${run}`, batchSize: 3 })
  expect(report).toEqual({
    events: 20n,
    streams: 5n,
    types: { Opened: 20 },
    from: 0n,
    through: 197n,
    refused: 0n,
    problems: [],
  })
  const { rows } = await source.query('select * from messages order by global_position')
  const there = await imported()
  expect(there.map(({ id, stream_id, version, data }) => [id, stream_id, Number(version) - 1, data])).toEqual(
    rows.map(({ id, stream_name, position, data }) => [id, stream_name, Number(position), data]),
  )
  expect(there[0]).toMatchObject({ metadata: { correlationId: 'c' }, schema_version: 1, type: 'Opened' })
  const exact = await target.pool.query(
    `select distinct recorded_at = '2020-02-03 04:05:06.789012+00' as exact from tidemark.events where stream_id like $1`,
    [`import${run}-%`],
  )
  expect(exact.rows).toEqual([{ exact: true }])
  await expect.poll(() => seen).toEqual(rows.map(({ id }) => id))
  await subscription.stop()
})

test('a run that was interrupted goes on where it was; one that is done adds what is new', async () => {
  await fill()
  const ending = new AbortController()
  const first = importEvents(store, source, query, {
    name: `${run}`,
    batchSize: 3,
    signal: ending.signal,
    onProgress: ({ events }) => {
      if (events === 6n) ending.abort()
    },
  })
  await expect(first).rejects.toThrow('aborted')
  expect(await imported()).toHaveLength(6)
  expect(await importEvents(store, source, query, { name: `${run}` })).toMatchObject({ events: 14n, from: 57n })
  expect(await importEvents(store, source, query, { name: `${run}` })).toMatchObject({ events: 0n, streams: 0n })
  await write(1000, `import${run}-0`, 4)
  expect(await importEvents(store, source, query, { name: `${run}` })).toMatchObject({ events: 1n, streams: 0n })
  expect(await imported()).toHaveLength(21)
  // What an import remembers is no place in this log, and must not look like one.
  await target.pool.query('update tidemark.store set timeline = timeline + 1')
  await store.verifyEpoch()
})

test('a bad row stops it with its place; the batches before it stay, and the next run goes on', async () => {
  await fill(2, 2)
  await write(100, `import${run}-0`, 7)
  await expect(importEvents(store, source, query, { name: `${run}`, batchSize: 2 })).rejects.toMatchObject({
    code: 'EVENTSTORE_IMPORT',
    problem: { position: 100n, streamId: `import${run}-0`, reason: expect.stringContaining('version is 8') },
  })
  expect(await imported()).toHaveLength(4)
  await source.query('update messages set position = 2 where global_position = 100')
  expect(await importEvents(store, source, query, { name: `${run}` })).toMatchObject({ events: 1n, from: 37n })
})

test('a dry run tells everything that is wrong, and writes nothing', async () => {
  await fill(2, 2)
  await write(100, 'no category', 0)
  await write(110, `import${run}-big`, 0, { data: { n: 2 ** 60 } })
  await write(120, `import${run}-0`, 2, { type: '$system' })
  await source.query(
    `insert into messages select 130, stream_name, 2, type, data, '[]', id, time from messages where global_position = 7`,
  )
  const { rows: known } = await target.pool.query<{ id: string }>('select id from tidemark.events limit 1')
  await source.query(
    `insert into messages select 140, stream_name, 2, type, data, metadata, $1, time from messages where global_position = 7`,
    [known[0]!.id],
  )
  await source.query(
    `insert into messages select 150, stream_name, 1, type, data, metadata, gen_random_uuid(), time from messages where global_position = 17`,
  )
  const before = await target.pool.query('select count(*) from tidemark.events')
  const report = await importEvents(store, source, query, { name: `${run}`, batchSize: 2, dryRun: true })
  expect(report).toMatchObject({ events: 4n, streams: 2n, refused: 6n, through: 150n })
  expect(report.problems.map(({ position, reason }) => [position, reason])).toEqual([
    [100n, expect.stringContaining('does not start with a category')],
    [110n, expect.stringMatching(/\$\.n.*2\^53|\$\.n/)],
    [120n, expect.stringContaining('starts with $')],
    [130n, 'its metadata is no JSON object'],
    [140n, expect.stringContaining('is in the log already')],
    [150n, expect.stringContaining("the stream's next one is 3")],
  ])
  expect((await target.pool.query('select count(*) from tidemark.events')).rows).toEqual(before.rows)
  const { rows } = await target.pool.query('select from tidemark.checkpoints where name = $1', [`import:${run}`])
  expect(rows).toEqual([])
})

test('versions and ids are made where the source has none', async () => {
  await fill(2, 3)
  const plain = 'select global_position as position, stream_name as stream_id, type, data::text from messages'
  await importEvents(store, source, plain, { name: `${run}`, batchSize: 4 })
  expect((await imported()).map(({ version }) => version)).toEqual(['1', '1', '2', '2', '3', '3'])
  await importEvents(store, source, plain, { name: `${run}-again`, dryRun: true })
})

test('the query is checked first', async () => {
  await expect(importEvents(store, source, 'select type, data as body from messages')).rejects.toThrow(
    'the query lacks position, stream_id, data and has body',
  )
  await expect(importEvents(store, source, 'select * from nowhere')).rejects.toMatchObject({ sqlState: '42P01' })
  await expect(importEvents(store, source, 'delete from messages returning *')).rejects.toMatchObject({
    sqlState: '42601',
  })
  const bytes = `select 1 as position, 'a-1' as stream_id, 'T' as type, '{}'::bytea as data`
  await expect(importEvents(store, source, bytes, { name: `${run}` })).rejects.toThrow("convert_from(data, 'utf8')")
})

test('one run at a time', async () => {
  await fill()
  const options = { name: `${run}`, batchSize: 1 }
  const outcomes = await Promise.allSettled([1, 2, 3].map(() => importEvents(store, source, query, options)))
  expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThanOrEqual(1)
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'EVENTSTORE_CONFIGURATION' })
  }
  expect(await imported()).toHaveLength(20)
})
