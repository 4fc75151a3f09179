import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { useCounterDatabase } from './counter-store.js'
import { runCli, startCliOnTerminal } from './run-cli.js'

const database = useCounterDatabase(5)
let client: pg.Client
beforeAll(async () => {
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query('create table audit (event_id uuid, replay boolean, side_effects boolean)')
  const early = await runCli(['projections', 'verify', 'counter-totals'], { env: { DATABASE_URL: database.url } })
  expect(early).toMatchObject({ code: 2, stdout: '' })
  expect(early.stderr).toContain('has no table yet')
  await run('projections', 'rebuild', 'counter-totals')
})
afterAll(() => client.end())

const run = (...args: string[]) => runCli(args, { env: { DATABASE_URL: database.url, TEST_AUDITS: '1' } })
const json = async (...args: string[]) => {
  const { code, stdout } = await run(...args, '-o', 'json')
  return { code, ...JSON.parse(stdout) }
}

describe('tidemark projections verify', () => {
  it('ends with 0 where the table is as the log says', async () => {
    const { code, data } = await json('projections', 'verify', 'counter-totals')
    expect({ code, ...data }).toEqual({
      ...{ code: 0, projection: 'counter-totals', position: '5', checked: 5 },
      ...{ drifted: [], driftedRows: 0, healed: 0, unverifiable: [], unverifiableRows: 0 },
    })
    const shown = await run('projections', 'verify', 'counter-totals', '--all')
    expect(shown).toMatchObject({ code: 0, stdout: '' })
    expect(shown.stderr).toContain('5 checked, 0 drifted, 0 healed; at position 5')
  })

  it('ends with 3 where it has drifted, and with 0 once that is healed', async () => {
    await client.query(`update tidemark_read.counter_totals set total = 70 where counter_id = '2'`)
    await client.query(`delete from tidemark_read.counter_totals where counter_id = '3'`)
    const found = await json('projections', 'verify', 'counter-totals', '--all')
    expect(found).toMatchObject({ code: 3, status: 'ok', data: { checked: 5, driftedRows: 2, healed: 0 } })
    expect(found.data.drifted).toEqual([
      {
        ...{ key: '2', row: 'differs', columns: ['total'], healed: false },
        expected: { counterId: '2', total: 2 },
        actual: { counterId: '2', total: 70 },
      },
      {
        ...{ key: '3', row: 'missing', columns: ['counterId', 'total'], healed: false },
        expected: { counterId: '3', total: 3 },
        actual: null,
      },
    ])
    const some = await run('projections', 'verify', 'counter-totals', '--keys', '1,2')
    expect(some.code).toBe(3)
    expect(some.stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['key', 'columns', 'by the log', 'in the table', 'healed'],
      ['2', 'total', '{"total":2}', '{"total":70}', 'no'],
      [''],
    ])
    expect(some.stderr).toContain('2 checked, 1 drifted')
    expect(await json('projections', 'verify', 'counter-totals', '--keys', '2,4', '--heal')).toMatchObject({
      ...{ code: 0, data: { checked: 2, driftedRows: 1, healed: 1 } },
    })
    expect(await json('projections', 'verify', 'counter-totals', '--sample', '100')).toMatchObject({
      ...{ code: 3, data: { driftedRows: 1, drifted: [{ key: '3' }] } },
    })
    expect(await json('projections', 'verify', 'counter-totals', '--all', '--heal')).toMatchObject({ code: 0 })
    expect(await json('projections', 'verify', 'counter-totals', '--all')).toMatchObject({
      ...{ code: 0, data: { driftedRows: 0 } },
    })
  })

  it('refuses two choices, a handler, and a name that is not there', async () => {
    expect(await run('projections', 'verify', 'counter-totals', '--all', '--sample', '5')).toMatchObject({ code: 2 })
    expect(await run('projections', 'verify', 'counter-totals', '--all', '--keys', '5')).toMatchObject({ code: 2 })
    const handler = await run('projections', 'verify', 'audit')
    expect(handler).toMatchObject({ code: 2, stderr: 'error: "audit" is a handler and has no table to verify\n' })
    const unknown = await run('projections', 'verify', 'counter-total')
    expect(unknown.stderr).toContain('did you mean "counter-totals"?')
  })

  it('shows a bar on a terminal and takes it away', async () => {
    const verify = ['projections', 'verify', 'counter-totals', '--all']
    const { code, stdout } = await startCliOnTerminal(verify, { env: { DATABASE_URL: database.url } }).ended
    expect(code).toBe(0)
    expect(stdout).toMatch(/verifying counter-totals \[/)
    expect(stdout.lastIndexOf('\r\u001b[K')).toBeLessThan(stdout.indexOf('drifted'))
  })

  describe('tidemark blame', () => {
    it('names the event of every value', async () => {
      await database.add('blamed', 4)
      await database.add('blamed', 0)
      await database.add('blamed', 5)
      const { code, data } = await json('blame', 'counter-totals', 'blamed')
      expect(code).toBe(0)
      expect(data).toMatchObject({
        ...{ projection: 'counter-totals', key: 'blamed', row: { counterId: 'blamed', total: 9 } },
        fields: {
          counterId: { value: 'blamed', version: '1', streamId: 'counter-blamed' },
          total: { value: 9, type: 'Added', version: '3', position: data.position },
        },
      })
      const before = String(Number(data.position) - 1)
      expect((await json('blame', 'counter-totals', 'blamed', '--at', before)).data).toMatchObject({
        ...{ position: before, fields: { total: { value: 4, version: '1' } } },
      })
      const shown = await run('blame', 'counter-totals', 'blamed')
      expect(shown.stdout.split('\n').map((line) => line.split(/ {2,}/).slice(0, 5))).toEqual([
        ['field', 'value', 'event', 'stream', 'version'],
        ['counterId', 'blamed', 'Added', 'counter-blamed', '1'],
        ['total', '9', 'Added', 'counter-blamed', '3'],
        [''],
      ])
    })

    it('ends with 1 for a row that no event made', async () => {
      expect(await run('blame', 'counter-totals', 'nobody')).toMatchObject({
        ...{ code: 1, stdout: '', stderr: 'error: no event made a row "nobody" of "counter-totals"\n' },
      })
      expect(await run('blame', 'audit', 'x')).toMatchObject({ code: 2 })
    })
  })

  describe('tidemark projections replay', () => {
    const audited = async () => {
      const { rows } = await client.query('select replay, side_effects as "sideEffects" from audit')
      await client.query('truncate audit')
      return rows
    }
    const replay = ['projections', 'replay', 'audit']

    it('to a handler is rolled back, and takes positions, times, streams and types', async () => {
      const events = async (...args: string[]) => {
        const { code, data } = await json(...replay, ...args)
        expect({ code, effects: data.effects }).toEqual({ code: 0, effects: 'rolled-back' })
        return data.events
      }
      expect(await events('--from', '2', '--to', '4')).toBe(3)
      expect(await events('--stream', 'counter-1', '--stream', 'counter-2')).toBe(2)
      expect(await events('--stream', 'counter-1', '--type', 'Added')).toBe(1)
      expect(await events('--since', '2020-01-01', '--to', '4')).toBe(4)
      expect(await events('--until', '2020-01-01T00:00:00Z')).toBe(0)
      expect(await audited()).toEqual([])
      expect(await run(...replay, '--type', 'Nothing')).toMatchObject({ code: 2, stdout: '' })
      expect(await run(...replay, '--since', 'yesterday')).toMatchObject({ code: 2, stdout: '' })
      expect(await run(...replay, '--since', '2025-01-01T12:00')).toMatchObject({ code: 2, stdout: '' })
    })

    it('with side effects asks first, and keeps what the handler does', async () => {
      const unasked = await run(...replay, '--to', '2', '--side-effects')
      expect(unasked).toMatchObject({ code: 5, stdout: '' })
      expect(await audited()).toEqual([])
      const done = await json(...replay, '--to', '2', '--side-effects', '--yes')
      expect(done).toMatchObject({ code: 0, data: { events: 2, batches: 1, effects: 'committed' } })
      expect(await audited()).toEqual([
        { replay: true, sideEffects: true },
        { replay: true, sideEffects: true },
      ])
      const refused = await run('projections', 'replay', 'counter-totals', '--side-effects', '--yes')
      expect(refused).toMatchObject({ code: 2, stdout: '' })
    })

    it('names the batch that failed', async () => {
      await client.query('alter table audit add check (replay is null)')
      const failed = await run(...replay, '--to', '2')
      expect(failed).toMatchObject({ code: 1, stdout: '' })
      expect(failed.stderr).toMatch(
        /the replay of "audit" failed in the batch of positions 1 to 2: .*audit_replay_check/,
      )
    })
  })
})
