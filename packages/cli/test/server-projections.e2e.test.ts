import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { useCounterDatabase } from './counter-store.js'
import { runHere } from './run-here.js'
import { useServer } from './use-server.js'

/** Some JSON that a verb prints. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Json = any

const database = useCounterDatabase()
const { both, direct, through } = useServer(() => database.url, { env: { TEST_REFUSES_13: '1' } }, 'api,projections')
const reason = ['--reason', 'a test wants it']
const full = ['--payloads', 'full']
let client: pg.Client
const parkedAt: string[] = []

beforeAll(async () => {
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  for (const [id, amount] of [
    ['1', 13],
    ['1', 100],
    ['2', 13],
  ] as const)
    await database.add(id, amount)
  const { rows } = await client.query<{ position: string }>('select position from tidemark.events order by position')
  parkedAt.push(rows[3]!.position, rows[5]!.position)
  const caughtUp = { text: 'select from tidemark.checkpoints where position = $1', values: [parkedAt[1]] }
  await vi.waitFor(async () => expect((await client.query(caughtUp)).rowCount).toBe(2), { timeout: 20_000 })
})
afterAll(() => client.end())

const json = async (...args: string[]): Promise<Json> => {
  const { code, stdout } = await through([...args, '-o', 'json'])
  return { code, ...JSON.parse(stdout) }
}
const liveTable = async () => {
  const { rows } = await client.query<{ name: string }>(
    `select table_name as name from tidemark.projections where status = 'live'`,
  )
  return `tidemark_read."${rows[0]!.name}"`
}

describe('through a server, tidemark', () => {
  it('lists and shows projections with their shards as it does without', async () => {
    const [[list, listed], table, asTable] = await Promise.all([
      both(['projections', 'list']),
      direct(['projections', 'show', 'counter-totals']),
      through(['projections', 'show', 'counter-totals']),
    ])
    expect(listed).toEqual(list)
    const shards = [{ position: parkedAt[1], failures: 0 }]
    expect(listed).toMatchObject({
      code: 0,
      data: [
        { name: 'counter-totals', kind: 'read-model', lag: '0', tables: [{ status: 'live', shards }] },
        { name: 'audit', kind: 'handler' },
      ],
    })
    expect(asTable).toEqual(table)
  })

  it('refuses what it refuses without, with the codes that it has there', async () => {
    const wrong: readonly (readonly [number, string, readonly string[]])[] = [
      [2, 'CLI_UNKNOWN_NAME', ['projections', 'show', 'counter-total']],
      [2, 'CLI_USAGE', ['projections', 'diff', 'audit']],
      [2, 'CLI_USAGE', ['projections', 'rebuild', 'audit', ...reason]],
      [2, 'PROJECTIONS_DEFINITION', ['projections', 'replay', 'counter-totals', '--side-effects', '--yes', ...reason]],
      [2, 'PROJECTIONS_NO_SUCH_TABLE', ['projections', 'promote', 'counter-totals', '--yes', ...reason]],
      [2, 'PROJECTIONS_NO_SUCH_TABLE', ['projections', 'diff', 'counter-totals']],
      [2, 'CLI_UNKNOWN_NAME', ['dlq', 'list', '--projection', 'counter-total']],
      [1, 'CLI_FAILED', ['dlq', 'show', 'counter-totals', '1']],
      [1, 'CLI_FAILED', ['blame', 'counter-totals', 'nobody']],
    ]
    for (const [code, error, args] of wrong)
      expect(await json(...args), args.join(' ')).toMatchObject({ code, data: null, error: { code: error } })
    const [unknown, noReason, workers] = await Promise.all([
      through(['projections', 'pause', 'counter-total', ...reason]),
      through(['projections', 'resume', 'audit']),
      through(['projections', 'rebuild', 'counter-totals', '--workers', '2', ...reason]),
    ])
    const withoutServer = await Promise.all([
      runHere(['projections', 'rebuild', 'counter-totals', '--dry-run']),
      runHere(['projections', 'rebuild', 'counter-totals', ...reason]),
      runHere(['blame', 'counter-totals', '1', ...full]),
    ])
    for (const { stderr } of withoutServer) expect(stderr).toMatch(/^error: --.*: say --server\n$/)
    expect([unknown, noReason, workers, ...withoutServer].map(({ code }) => code)).toEqual([2, 2, 2, 2, 2, 2])
    expect(unknown.stderr).toBe('error: there is no projection "counter-total": did you mean "counter-totals"?\n')
    expect(workers.stderr).toContain('--workers')
  })

  it('writes the OpenAPI document of what the server has', async () => {
    const { code, stdout } = await through(['openapi'])
    expect(code).toBe(0)
    const { paths, components } = JSON.parse(stdout)
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining(['/v1/counter-totals/{key}', '/admin/v1/projections/{name}/rebuild']),
    )
    expect(components.securitySchemes).toBeDefined()
  })

  it('pauses and resumes, with a reason for the audit', async () => {
    const pause = ['projections', 'pause', 'audit', '--reason', 'a look']
    expect(await json(...pause, '--dry-run')).toMatchObject({ data: { projection: 'audit', pauses: true } })
    expect(await json(...pause)).toMatchObject({ data: { projection: 'audit', paused: true, reason: 'a look' } })
    const again = ['projections', 'pause', 'audit', '--reason', 'another']
    const [own, asked] = await both(again)
    expect(asked).toEqual(own)
    expect(asked).toMatchObject({ code: 0, data: { paused: false, reason: 'a look' } })
    expect(await json('projections', 'resume', 'audit', ...reason)).toMatchObject({ data: { resumed: true } })
  })

  it('says which event gave a value, and shows values as far as the server lets it', async () => {
    const [[own, asked], masked] = await Promise.all([
      both(['blame', 'counter-totals', '2', '--at', '3'], full),
      json('blame', 'counter-totals', '2', '--at', '3', '--payloads', 'masked'),
    ])
    expect(asked).toEqual(own)
    expect(asked).toMatchObject({ data: { row: { total: 2 }, fields: { total: { value: 2, streamId: 'counter-2' } } } })
    expect(masked).toMatchObject({ data: { row: { total: 0 }, fields: { total: { value: 0 } } } })
  })

  it('replays a part of the log', async () => {
    const [own, asked] = await both([
      ...['projections', 'replay', 'counter-totals', '--to', '3', '--since', '2020-01-01', '--stream', 'counter-2'],
    ])
    expect(asked).toEqual(own)
    expect(asked).toMatchObject({ code: 0, data: { events: 1, rowsTouched: 1 } })
    const kept = ['projections', 'replay', 'audit', '--until', '2020-01-01', '--side-effects', ...reason]
    const [asks, done] = await Promise.all([through(kept), through([...kept, '--yes', '-o', 'json'])])
    expect(asks.code).toBe(5)
    expect(JSON.parse(done.stdout)).toMatchObject({ data: { events: 0, effects: 'committed' } })
  })

  it('lists what is parked, shows it, and tries it', async () => {
    const verbs = [
      both(['dlq', 'list']),
      both(['dlq', 'list', '--events', '--projection', 'counter-totals']),
      both(['dlq', 'show', 'counter-totals', parkedAt[0]!], full),
      both(['dlq', 'try', 'counter-totals', parkedAt[0]!], full),
    ]
    const answers = (await Promise.all(verbs)) as unknown as Json[][]
    for (const [own, asked] of answers) expect(asked).toEqual(own)
    const [[groups], [events], [shown], [tried]] = answers as [Json[], Json[], Json[], Json[]]
    expect(groups).toMatchObject({
      code: 0,
      data: [{ failed: 2, blocked: 1, error: expect.stringMatching(/13 is not for us$/) }],
    })
    expect(events.data.map(({ status }: Json) => status)).toEqual(['failed', 'blocked', 'failed'])
    expect(shown.data).toMatchObject({ data: { amount: 13 }, blocks: 1 })
    expect(tried).toMatchObject({ code: 3, data: { passes: false, alike: { tried: 2, passing: 0 } } })
  })

  it('retries and skips what is parked', async () => {
    const retry = ['dlq', 'retry', 'counter-totals', '--all']
    const own: Json = JSON.parse((await direct([...retry, '-o', 'json'])).stdout)
    const asked = await json(...retry, ...reason)
    expect(asked).toEqual({ code: 3, ...own })
    expect(asked.data.streams).toMatchObject([
      { streamId: 'counter-1', failedAt: parkedAt[0] },
      { failedAt: parkedAt[1] },
    ])
    const skip = ['dlq', 'skip', 'counter-totals', '--position', parkedAt[0]!, ...reason]
    const [planned, unconfirmed] = await Promise.all([json(...skip, '--dry-run'), through(skip)])
    expect(planned).toMatchObject({ data: { projection: 'counter-totals', events: 1, waiting: 1 } })
    expect(unconfirmed.code).toBe(5)
    expect(await json(...skip, '--yes')).toMatchObject({
      code: 0,
      data: { streams: [{ streamId: 'counter-1', handled: 1, rowsChanged: 1 }] },
    })
    expect(await json('dlq', 'list', '--skipped')).toMatchObject({ data: [{ status: 'skipped', reason: reason[1] }] })
  })

  it('verifies rows, and ends with 3 while they have drifted', async () => {
    await client.query(`update ${await liveTable()} set total = 99 where counter_id = '2'`)
    await client.query(`delete from ${await liveTable()} where counter_id = '3'`)
    const [own, asked] = (await both(['projections', 'verify', 'counter-totals', '--all'])) as unknown as Json[]
    const drifted = own.data.drifted.map(({ expected: _expected, actual: _actual, ...row }: Json) => row)
    expect(asked).toEqual({ ...own, data: { ...own.data, drifted } })
    expect(asked).toMatchObject({
      code: 3,
      data: { driftedRows: 2, drifted: [{ row: 'differs' }, { row: 'missing' }] },
    })
    const heal = ['projections', 'verify', 'counter-totals', '--keys', '2,3', '--heal']
    expect((await through(heal)).code).toBe(2)
    expect(await json(...heal, ...reason)).toMatchObject({ code: 0, data: { healed: 2 } })
  })

  it('rebuilds, compares, promotes and rolls back', async () => {
    const rebuild = ['projections', 'rebuild', 'counter-totals', '--no-promote', ...reason]
    expect(await json(...rebuild, '--dry-run')).toMatchObject({ data: { promotes: false, drops: [] } })
    const built = await json(...rebuild)
    const { table } = built.data
    expect(built).toMatchObject({ code: 0, data: { projection: 'counter-totals', rows: 3, promoted: false } })
    await client.query(`update tidemark_read."${table}" set total = 77 where counter_id = '2'`)
    await client.query(`delete from tidemark_read."${table}" where counter_id = '3'`)
    const compare = ['projections', 'diff', 'counter-totals', '--max-changed', '1']
    // Each holds the table that was built.
    const own: Json = JSON.parse((await direct([...compare, '-o', 'json'])).stdout)
    const asked = await json(...compare)
    const withoutValues = own.data.sample.map(({ before: _before, after: _after, ...row }: Json) => row)
    expect(asked).toEqual({ code: 3, ...own, data: { ...own.data, sample: withoutValues } })
    // What was skipped in the live table is parked in the new one.
    expect(asked.data.sample).toEqual([
      { key: '1', change: 'changed', columns: ['total'] },
      { key: '2', change: 'changed', columns: ['total'] },
      { key: '3', change: 'removed', columns: [] },
    ])
    expect((await through(['projections', 'promote', 'counter-totals', ...reason])).stderr).toContain(
      `Let readers of "counter-totals" see ${table} (version 1) instead of counter_totals_v1_1 (version 1)?`,
    )
    const promoted = await json('projections', 'promote', 'counter-totals', '--yes', ...reason)
    expect(promoted.data).toEqual({
      ...{ projection: 'counter-totals', table, version: 1 },
      ...{ previousTable: 'counter_totals_v1_1', previousVersion: 1 },
    })
    const back = await json('projections', 'rollback', 'counter-totals', '--yes', ...reason)
    expect(back).toMatchObject({ code: 0, data: { table: 'counter_totals_v1_1', previousTable: table } })
  })
})
