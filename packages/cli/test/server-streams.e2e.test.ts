import { checkSchemas, createEventStore, defineAggregate, event, type EventStore } from '@tidemark/eventstore'
import { databaseTemplate } from '@tidemark/migrations'
import { createTestDatabase, type TestDatabase } from '@tidemark/test-servers'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { Tally, viewer, Visit } from './fixtures/history/tidemark.config.js'
import { runHere } from './run-here.js'
import { useServer } from './use-server.js'

const cwd = fileURLToPath(new URL('fixtures/history', import.meta.url))
const config = join(cwd, 'tidemark.config.ts')
const full = ['--payloads', 'full']
const reason = ['--reason', 'a test wants it']
const folder = mkdtempSync(join(tmpdir(), 'tidemark-server-'))

let database: TestDatabase
let store: EventStore
let pool: ReturnType<TestDatabase['createPool']>

beforeAll(async () => {
  database = await createTestDatabase({ template: databaseTemplate })
  pool = database.createPool({ max: 2 })
  store = createEventStore(pool, { listen: false })
  const ofAnn = { correlationId: 'talk', actor: 'ann' }
  const { events } = await store.execute(Tally, 't-1', 'count', { amount: 1, note: 'one' }, ofAnn)
  await store.execute(Tally, 't-1', 'count', { amount: 2, note: 'two' })
  await store.execute(Tally, 't-1', 'count', { amount: 3 }, ofAnn)
  const caused = { correlationId: 'other', causationId: events[0]!.id }
  await store.execute(Tally, 't-2', 'count', { amount: 4 }, caused)
  await store.execute(Visit, 'v-1', 'arrive', { guestId: 'g-1', name: 'Grace' })
  await store.execute(Visit, 'v-1', 'leave', {})
  // Longer than a page.
  const long = Array.from({ length: 230 }, (_, amount) => ({
    type: 'Counted' as const,
    data: { amount: 1000 + amount },
  }))
  await store.append(Tally, 'long', long, { expectedVersion: 0 })
})
afterAll(async () => {
  await store.close()
  await pool.end()
  await database.drop()
  rmSync(folder, { recursive: true })
})

const { through, start } = useServer(() => database.url, { cwd })
const direct = (args: readonly string[]) => runHere([...args, '--config', config], { DATABASE_URL: database.url })

/** What a verb prints without a server and with one, which has to be the same. */
async function alike(args: readonly string[], onlyThrough: readonly string[] = []): Promise<unknown> {
  const [own, asked] = await Promise.all([
    direct([...args, '-o', 'json']),
    through([...args, '-o', 'json', ...onlyThrough]),
  ])
  expect(asked).toEqual({ ...own, stdout: expect.any(String), stderr: expect.any(String) })
  const [one, other] = [own, asked].map(({ stdout }) => JSON.parse(stdout) as object)
  expect(other).toEqual(one)
  return { code: asked.code, ...other }
}

describe('through a server, tidemark', () => {
  it('lists and shows streams as it does without', async () => {
    const time = (await store.readStream('tally-t-1'))[1]!.recordedAt.toISOString()
    const [listed, shown, newest] = await Promise.all([
      alike(['streams', 'list', '--category', 'tally']),
      alike(['streams', 'show', 'tally-t-1'], full),
      alike(['streams', 'show', 'tally-t-1', '--reverse', '--limit', '2', '--to', '2'], full),
      alike(['streams', 'show', 'tally-long', '--limit', '215'], full),
      alike(['streams', 'show', 'tally-long', '--limit', '215', '--reverse', '--from', '3'], full),
      alike(['events', 'search', '--limit', '205', '--category', 'tally'], full),
      alike(['streams', 'state', 'tally-t-1', '--at', '9'], full),
      alike(['streams', 'state', 'tally-t-1', '--at', '2030-01-01T00:00:00Z'], full),
      alike(['streams', 'diff', 'tally-t-1', '0..2'], full),
      alike(['streams', 'diff', 'tally-t-1', `${time}..`], full),
    ])
    expect(listed).toMatchObject({
      code: 0,
      data: [{ streamId: 'tally-long' }, { streamId: 'tally-t-1', version: '3' }, { streamId: 'tally-t-2' }],
    })
    expect(shown).toMatchObject({ data: [{ data: { amount: 1 }, metadata: { actor: 'ann' } }, {}, { version: '3' }] })
    expect(newest).toMatchObject({ data: [{ version: '2' }, { version: '1' }] })
  })

  it('tells where a state is in the log, from a snapshot or not', async () => {
    const snapshots = { text: 'select from tidemark.snapshots where stream_id = $1', values: ['visit-v-1'] }
    await vi.waitFor(async () => expect((await pool.query(snapshots)).rowCount).toBe(1), { timeout: 20_000 })
    const state = ['streams', 'state', 'visit-v-1', '-o', 'json']
    const [own, asked] = (await Promise.all([direct(state), through([...state, ...full])])).map(
      ({ stdout }) => JSON.parse(stdout).data,
    )
    expect(own).toMatchObject({ version: '2', position: '6', state: { guest: 'Grace' } })
    expect(asked).toEqual({ ...own, state: { guest: 'somebody', present: false } })
  })

  it('searches and traces events as it does without', async () => {
    const [found, traced] = await Promise.all([
      alike(['events', 'search', '--data', 'amount=3', '--category', 'tally']),
      alike(['events', 'trace', '1'], full),
      alike(['events', 'search', '--actor', 'ann', '--type', 'Counted', '--limit', '1', '--after', '1'], full),
      alike(['events', 'search', '--correlation', 'talk', '--until', '2000-01-01'], full),
    ])
    expect(found).toMatchObject({ code: 0, data: [{ streamId: 'tally-t-1', version: '3' }] })
    expect(traced).toMatchObject({
      data: { correlationId: 'talk', searched: { complete: true }, roots: [{ cause: 'talk' }] },
    })
    expect(JSON.stringify(traced)).toContain('tally-t-2')
    for (const [narrow, note] of [
      [['--window', '1'], 'only positions 1 to 2 were looked at, see --window'],
      [['--limit', '1'], 'there may be more: see --limit'],
    ] as const) {
      const trace = ['events', 'trace', '1', ...narrow]
      const [own, asked] = await Promise.all([direct(trace), through(trace)])
      expect(asked).toEqual(own)
      expect(own).toMatchObject({ code: 0, stderr: expect.stringContaining(note) })
    }
  })

  it('shows data as the server gives it, and says so', async () => {
    const shown = await through(['streams', 'show', 'tally-t-1', '-o', 'json'])
    expect(shown.stderr).toBe('the server shows data masked: see --payloads\n')
    expect(JSON.parse(shown.stdout).data).toMatchObject([{ data: { amount: 0, note: '***' } }, {}, {}])
    const visit = await through(['streams', 'state', 'visit-v-1', ...full])
    expect(visit).toMatchObject({ code: 0, stdout: expect.stringContaining('"guest": "somebody"') })
    const unclear = await through(['events', 'search', '--data', 'amount=3', '--payloads', 'masked'])
    expect(unclear).toMatchObject({ code: 2, stderr: expect.stringContaining('--data compares') })
    expect((await through(['streams', 'list'], 'nobody')).stderr).toContain('set TIDEMARK_TOKEN')
    const own = await direct(['streams', 'show', 'tally-t-1', ...full])
    expect(own).toMatchObject({ code: 2, stderr: expect.stringContaining('say --server') })
  })

  it('says what is not there as it does without', async () => {
    const wrong = [
      ...[
        ['streams', 'show', 'tally-none'],
        ['streams', 'state', 'tally-none'],
        ['streams', 'diff', 'tally-none', '1..'],
      ],
      ...[
        ['streams', 'state', 'tally-t-1', '--at', '0'],
        ['streams', 'state', 'taly-t-1'],
        ['events', 'trace', '4711'],
      ],
      ['streams', 'truncate', 'tally-none', '--before', '2', '--yes', ...reason],
    ]
    const codes = await Promise.all(
      wrong.map(async (args) => {
        const [own, asked] = await Promise.all([direct(args), through(args)])
        expect(asked).toEqual(own)
        return asked.code
      }),
    )
    expect(codes).toEqual([1, 1, 1, 1, 2, 1, 1])
  })

  it('exports with the aggregate of the configuration', async () => {
    for (const [args, lost] of [
      [['tally-t-1', '--as', 'json'], []],
      [['tally-t-1', '--as', 'json', '--at', '1'], []],
      [['visit-v-1', '--as', 'html'], ['Grace']],
      [['tally-t-1', '--as', 'vitest', '--at', '2', '--file', join(folder, 'a.test.ts')], []],
    ] as const) {
      const exported = ['streams', 'export', ...args]
      const path = args.at(-1)!
      const own = await direct(exported)
      const written = existsSync(path) && readFileSync(path, 'utf8')
      rmSync(path, { force: true })
      expect(await through([...exported, '--config', config])).toEqual(own)
      expect(existsSync(path) && readFileSync(path, 'utf8')).toBe(written)
      for (const name of lost) expect(own.stdout).not.toContain(name)
    }
  })

  it('follows a stream and the log until Ctrl-C', async () => {
    const tails = [
      start(['streams', 'tail', 'tally-t-9', ...full]),
      start(['events', 'tail', '--last', '1', '--category', 'tally', '--category', 'visit', '-o', 'ndjson', ...full]),
    ]
    await tails[1]!.until(/"amount":1229/)
    for (const amount of [5, 6]) await store.execute(Tally, 't-9', 'count', { amount })
    for (const tail of tails) await tail.until(/tally-t-9.*"amount":6|"amount":6.*tally-t-9/)
    for (const tail of tails) tail.child.kill('SIGINT')
    const [stream, log] = await Promise.all(tails.map(({ ended }) => ended))
    expect([stream!.code, log!.code, stream!.stderr, log!.stderr]).toEqual([130, 130, '', ''])
    expect(stream!.stdout.trim().split('\n')).toHaveLength(2)
    const versions = log!.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).version)
    expect(versions).toEqual(['230', '1', '2'])
  })

  it('archives what it truncates, or truncates nothing', async () => {
    for (let amount = 1; amount <= 4; amount++) await store.execute(Tally, 'old', 'count', { amount })
    const archive = join(folder, 'old.ndjson')
    const truncate = (...args: readonly string[]) =>
      through(['streams', 'truncate', ...reason, '--archive', archive, ...args])
    expect((await truncate('tally-old', '--before', '3')).code).toBe(5)
    const planned = await truncate('tally-old', '--before', '3', '--dry-run')
    expect(planned).toMatchObject({ code: 0, stdout: expect.stringMatching(/deletesEvents +2/) })
    for (const [args, why] of [
      [['tally-old', '--before', '3'], 'no usable snapshot at version 2'],
      [['tally-old', '--before', '6', '--without-snapshot'], 'it ends at version 4, and its last event always stays'],
      [['visit-v-1', '--before', '2', '--without-snapshot'], 'version 1 without its personal data'],
    ] as const) {
      const refused = await truncate(...args, '--yes')
      expect(refused).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(why) })
      expect(existsSync(archive)).toBe(false)
    }
    const events = await store.readStream('tally-long', { toVersion: 210n })
    const done = await truncate('tally-long', '--before', '211', '--yes', '--without-snapshot', '-o', 'json')
    expect(JSON.parse(done.stdout).data).toEqual({ streamId: 'tally-long', deletedEvents: '210' })
    const written = readFileSync(archive, 'utf8').trim().split('\n')
    expect(written.map((line) => JSON.parse(line))).toEqual(
      events.map((each) => ({
        ...each,
        ...{ position: String(each.position), version: String(each.version) },
        recordedAt: each.recordedAt.toISOString(),
      })),
    )
    expect(await store.readStream('tally-long')).toHaveLength(20)
    const again = await truncate('tally-old', '--before', '4', '--yes', '--without-snapshot')
    expect(again.stderr).toContain('nothing was deleted')
    rmSync(archive)
    const viewed = ['streams', 'truncate', 'tally-old', '--before', '3', '--yes', ...reason, '--archive', archive]
    const forbidden = await through(viewed, viewer)
    expect(forbidden).toMatchObject({ code: 2, stderr: expect.stringContaining('payloads masked at most, not full') })
    expect(existsSync(archive)).toBe(false)
    expect(await store.readStream('tally-old')).toHaveLength(4)
  })

  it('forgets a person once that is confirmed', async () => {
    const forget = ['subjects', 'forget', 'g-1', ...reason]
    expect((await through(forget)).code).toBe(5)
    const planned = await through([...forget, '--dry-run', '-o', 'json'])
    expect(JSON.parse(planned.stdout).data).toMatchObject({ subject: 'g-1', forgetsIn: ['visit'] })
    expect((await store.load(Visit, 'v-1')).state.guest).toBe('Grace')
    const done = await through([...forget, '--yes', '-o', 'json'])
    expect(JSON.parse(done.stdout).data).toEqual({ subject: 'g-1', streams: 1, unloadable: 0 })
    expect(done.stderr).toContain('until they are rebuilt')
    expect((await store.load(Visit, 'v-1')).state.guest).toBe('somebody')
  })

  it('compares schemas with the same result', async () => {
    const event1 = event(z.object({ amount: z.string(), note: z.string().optional() }))
    const Other = defineAggregate({
      ...{ name: 'tally', initialState: () => ({}), events: { Counted: event1 } },
      evolve: { Counted: (state) => state },
      commands: () => ({}),
    })
    await checkSchemas(store, [Other])
    const [list, check, diff] = await Promise.all([
      alike(['schemas', 'list', '--category', 'tally']),
      alike(['schemas', 'check']),
      alike(['schemas', 'diff', 'tally.Counted']),
    ])
    expect(list).toMatchObject({ code: 0, data: [{ type: 'Counted', schemaVersion: 1 }] })
    expect(check).toMatchObject({
      code: 4,
      data: expect.arrayContaining([expect.objectContaining({ status: 'incompatible' })]),
    })
    expect(diff).toMatchObject({ code: 0, data: [{ path: '$.amount', breaks: ['backward', 'forward'] }] })
    expect((await through(['schemas', 'diff', 'tally.Conted'])).stderr).toContain('"tally.Counted"?')
    expect((await through(['schemas', 'check', '--compatibility', 'none'])).code).toBe(0)
    expect((await through(['schemas', 'check', '--register'])).code).toBe(2)
  })
})
